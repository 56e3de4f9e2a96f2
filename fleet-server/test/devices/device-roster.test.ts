/** The roster against a plain map: order, counts and pages stay true under any sequence of changes. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NO_TWIN, type DeviceFacts } from '../../src/devices/device-facts.ts';
import { DeviceRoster } from '../../src/devices/device-roster.ts';
import type { Presence } from '../../src/devices/presence.ts';

const presences: readonly Presence[] = [
  { kind: 'never-connected', since: 1 },
  { kind: 'unknown', since: 1 },
  { kind: 'online', connectionId: 'c', socketId: 1, since: 1 },
];
const facts = (deviceId: string, presence: Presence): DeviceFacts => ({
  deviceId,
  labels: {},
  revision: 0,
  registeredAt: 1,
  firstSeenAt: null,
  birth: null,
  presence,
  twin: NO_TWIN,
  clockBadSince: null,
});

const id = fc.constantFrom('a', 'a-1', 'ab', 'b', 'b-1', 'b-2', 'z');
const change = fc.oneof(
  fc.record({ put: id, presence: fc.constantFrom(...presences), seen: fc.option(fc.nat(99), { nil: null }) }),
  fc.record({ remove: id }),
);

describe('the roster', () => {
  it('lists in order of id, counts by state and pages without a hole', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), (changes, limit) => {
        const roster = new DeviceRoster();
        const model = new Map<string, { presence: Presence; seen: number | null }>();
        for (const next of changes) {
          if ('remove' in next) {
            roster.remove(next.remove);
            model.delete(next.remove);
          } else {
            roster.put(facts(next.put, next.presence), next.seen);
            const before = model.get(next.put)?.seen ?? null;
            const seen = next.seen === null ? before : Math.max(next.seen, before ?? next.seen);
            model.set(next.put, { presence: next.presence, seen });
          }
        }
        const listed: string[] = [];
        for (let page = roster.after(undefined, limit, () => true); page.length > 0;) {
          listed.push(...page.map((entry) => entry.facts.deviceId));
          page = roster.after(listed.at(-1), limit, () => true);
        }
        expect(listed).toEqual([...model.keys()].toSorted());
        expect(roster.size).toBe(model.size);
        const online = [...model.values()].filter(({ presence }) => presence.kind === 'online').length;
        expect(roster.byState().get('online') ?? 0).toBe(online);
        for (const [deviceId, { seen }] of model) expect(roster.get(deviceId)?.lastSeenAt).toBe(seen);
      }),
    );
  });
});
