/** The life of a command under every order of events. */
import { describe, expect, it } from '@jest/globals';
import { commandStateSchema, type DeviceCommand } from '@shoal/protocol';
import fc from 'fast-check';
import { advance, COMMAND_TABLE, isOpen, type CommandEvent } from '../../src/device-commands/command-state.ts';

const QUEUED: DeviceCommand = {
  commandId: 'k-1',
  deviceId: 'a',
  name: 'ping',
  state: 'queued',
  parameters: null,
  createdAt: 0,
  createdBy: 'operator:local',
  expiresAt: 100,
  sentAt: null,
  acknowledgedAt: null,
  finishedAt: null,
  result: null,
  error: null,
};

const at = fc.nat(1_000);
const event: fc.Arbitrary<CommandEvent> = fc.oneof(
  fc.record({ event: fc.constantFrom('sent' as const, 'acknowledged' as const), at }),
  fc.record({
    event: fc.constantFrom('succeeded' as const, 'failed' as const, 'unsupported' as const, 'expired' as const),
    at,
    result: fc.constant(null),
    error: fc.constant(null),
  }),
);
const SAID_BY_THE_DEVICE = new Set<string>(['succeeded', 'failed', 'unsupported']);

describe('the life of a command', () => {
  it('has a row for every state, and leads only to states', () => {
    expect(Object.keys(COMMAND_TABLE).toSorted()).toEqual([...commandStateSchema.options].toSorted());
    expect(commandStateSchema.options.filter(isOpen)).toEqual(['queued', 'sent', 'acknowledged']);
  });

  it('ends with the first outcome the device told, whenever it told it', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 15 }), (events) => {
        const end = events.reduce(advance, QUEUED);
        const first = events.find((next) => SAID_BY_THE_DEVICE.has(next.event));
        const hasExpired = events.some((next) => next.event === 'expired');
        expect(isOpen(end.state)).toBe(first === undefined && !hasExpired);
        expect(end.state === 'expired').toBe(first === undefined && hasExpired);
        expect(first === undefined ? {} : { state: end.state, finishedAt: end.finishedAt }).toEqual(
          first === undefined ? {} : { state: first.event, finishedAt: first.at },
        );
      }),
    );
  });

  it('never goes back, and keeps the first instant of everything', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 15 }), (events) => {
        const end = events.reduce(advance, QUEUED);
        const firstAt = (name: string): number | null => events.find((next) => next.event === name)?.at ?? null;
        expect([end.sentAt, end.acknowledgedAt]).toEqual([firstAt('sent'), firstAt('acknowledged')]);
        const rank = { queued: 0, sent: 1, acknowledged: 2, expired: 3, succeeded: 4, failed: 4, unsupported: 4 };
        let state = QUEUED;
        for (const next of events) {
          const after = advance(state, next);
          expect(rank[after.state]).toBeGreaterThanOrEqual(rank[state.state]);
          state = after;
        }
      }),
    );
  });

  it('is untouched by an event that is told twice', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 8 }), event, (events, twice) => {
        const once = advance(events.reduce(advance, QUEUED), twice);
        expect(advance(once, twice)).toBe(once);
      }),
    );
  });
});
