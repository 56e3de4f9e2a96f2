/** The presence table under every order of events. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nextPresence, type Presence, type PresenceEvent } from '../../src/devices/presence.ts';

/** Connection `n` is on socket `n`; later connections have higher numbers. */
const connection = fc.integer({ min: 1, max: 4 });
const reason = fc.constantFrom('lost' as const, 'stopped' as const);
const event: fc.Arbitrary<PresenceEvent> = fc.oneof(
  connection.map((n) => ({ event: 'born' as const, connectionId: `c-${n}`, socketId: n, at: n })),
  fc
    .tuple(connection, reason)
    .map(([n, why]) => ({ event: 'willed' as const, connectionId: `c-${n}`, reason: why, at: 10 + n })),
  connection.map((n) => ({ event: 'disconnected' as const, socketId: n, why: 'cut', at: 20 + n })),
);

const START: Presence = { kind: 'unknown', since: 0 };
const run = (events: readonly PresenceEvent[], from: Presence = START): Presence => events.reduce(nextPresence, from);

describe('the presence table', () => {
  it('is online exactly when the newest birth was not ended since', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        let live: number | undefined;
        for (const next of events) {
          if (next.event === 'born') live = live !== undefined && live > next.socketId ? live : next.socketId;
          else if (next.event === 'willed' ? next.connectionId === `c-${live}` : next.socketId === live)
            live = undefined;
        }
        const presence = run(events);
        expect(presence.kind === 'online' ? presence.socketId : undefined).toBe(live);
      }),
    );
  });

  it('stays unknown until the first birth', () => {
    const quiet = event.filter((next) => next.event !== 'born');
    fc.assert(fc.property(fc.array(quiet), (events) => expect(run(events)).toBe(START)));
  });

  it('comes to the same end whichever of farewell and disconnect is told first', () => {
    const born: PresenceEvent = { event: 'born', connectionId: 'c-1', socketId: 1, at: 1 };
    const farewell: PresenceEvent = { event: 'willed', connectionId: 'c-1', reason: 'stopped', at: 2 };
    const ended: PresenceEvent = { event: 'disconnected', socketId: 1, why: 'cut', at: 2 };
    for (const order of [
      [farewell, ended],
      [ended, farewell],
    ]) {
      expect(run([born, ...order])).toMatchObject({ kind: 'offline', reason: 'stopped', since: 2 });
    }
  });

  it('keeps since when the same connection is born again', () => {
    const born = (at: number): PresenceEvent => ({ event: 'born', connectionId: 'c-1', socketId: 1, at });
    expect(run([born(1), born(9)])).toMatchObject({ kind: 'online', since: 1 });
  });
});
