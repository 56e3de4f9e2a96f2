/** A fleet by a seed: disorder, duplicates, days offline, idle devices, clocks that step; as the messages in which it arrives. */
import type { AnyRecord, ClockState, DeviceEvent, Lane, Prediction, Reading, RecordKind } from '@shoal/protocol';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 5, 8, 13, 27);

export type Random = () => number;

/** Mulberry32. */
export const seeded = (seed: number): Random => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

export interface Delivery {
  readonly deviceId: string;
  readonly kind: RecordKind;
  readonly lane: Lane;
  readonly clock: ClockState;
  readonly receivedAt: number;
  readonly records: readonly AnyRecord[];
}

export interface Scenario {
  readonly labels: ReadonlyMap<string, Record<string, string>>;
  /** In the order of their receipt. */
  readonly deliveries: readonly Delivery[];
}

const upTo = (random: Random, bound: number): number => Math.floor(random() * bound);
const pick = <T>(random: Random, of: readonly T[]): T => of[upTo(random, of.length)] as T;

const readingOf = (random: Random, sequence: number, observedAt: number): Reading => ({
  sequence,
  observedAt,
  source: pick(random, ['pump', 'pump', 'tank']),
  values: {
    a: random() < 0.05 ? null : Number((random() * 200 - 20).toFixed(3)),
    'b c': upTo(random, 40),
    ...(random() < 0.1 && { rare: 1 }),
  },
});

const predictionOf = (random: Random, sequence: number, observedAt: number): Prediction => ({
  sequence,
  observedAt,
  model: { name: pick(random, ['pump-anomaly', 'pump-wear']), version: '1.0.0' },
  window: { startAt: observedAt - MINUTE_MS, endAt: observedAt, count: 60 },
  outputs: { score: random() },
  ...(random() < 0.9 && { label: pick(random, ['normal', 'anomaly', 'unknown']) }),
  source: 'edge',
});

const eventOf = (random: Random, sequence: number, observedAt: number): DeviceEvent => ({
  sequence,
  observedAt,
  kind: pick(random, ['agent.started', 'rule.fired', 'sensor.gap']),
  severity: pick(random, ['info', 'warning']),
  message: 'x',
  data: { missing: upTo(random, 9) },
});

const MAKERS = { readings: readingOf, predictions: predictionOf, events: eventOf };

const pauseOf = (random: Random): number => {
  const kind = random();
  if (kind < 0.8) return upTo(random, 20 * SECOND_MS);
  return kind < 0.95 ? upTo(random, 2 * MINUTE_MS) : 5 * MINUTE_MS + upTo(random, 35 * MINUTE_MS);
};

/** A clock that is set wrong, and what the device knows of it. */
const steppedClock = (random: Random): { offsetMs: number; clock: ClockState } => {
  const offsetMs = pick(random, [0, 0, 0, 4 * MINUTE_MS, -HOUR_MS, -26 * HOUR_MS, 3 * HOUR_MS, -40 * DAY_MS]);
  const kind = random();
  if (kind < 0.8) return { offsetMs, clock: { state: 'synchronised' } };
  return { offsetMs, clock: { state: 'unsynchronised', ...(kind < 0.95 && { offsetMs: -offsetMs }) } };
};

const deliveriesOf = (random: Random, deviceId: string): Delivery[] => {
  const deliveries: Delivery[] = [];
  let [now, onlineAgainAt, sequence] = [START + upTo(random, HOUR_MS), 0, 0];
  let set = steppedClock(random);
  const messages = 4 + upTo(random, 8);
  for (let message = 0; message < messages; message += 1) {
    const kind = pick(random, ['readings', 'readings', 'readings', 'predictions', 'events'] as const);
    if (random() < 0.15) set = steppedClock(random);
    const records = Array.from({ length: 1 + upTo(random, 12) }, () => {
      now += pauseOf(random);
      sequence += 1 + upTo(random, 2);
      return MAKERS[kind](random, sequence, now + set.offsetMs);
    });
    if (now > onlineAgainAt && random() < 0.1) onlineAgainAt = now + upTo(random, 3 * DAY_MS);
    const isOffline = now < onlineAgainAt;
    const receivedAt = Math.max(now, onlineAgainAt) + upTo(random, isOffline ? 5 * MINUTE_MS : 90 * SECOND_MS);
    const delivery: Delivery = {
      deviceId,
      kind,
      lane: isOffline ? 'backlog' : 'live',
      clock: set.clock,
      receivedAt,
      records,
    };
    deliveries.push(delivery);
    if (random() < 0.15) deliveries.push({ ...delivery, receivedAt: receivedAt + upTo(random, 2 * DAY_MS) });
  }
  return deliveries;
};

export const scenarioOf = (seed: number): Scenario => {
  const random = seeded(seed);
  const deviceIds = Array.from({ length: 1 + upTo(random, 4) }, (_, index) => `pump-${index}`);
  const labels = new Map(
    deviceIds.map((deviceId): [string, Record<string, string>] => {
      const site = pick(random, ['north', 'south / 2', undefined]);
      return [deviceId, { ...(site !== undefined && { site }), ring: pick(random, ['canary', 'broad']) }];
    }),
  );
  const deliveries = deviceIds
    .flatMap((deviceId) => deliveriesOf(random, deviceId))
    .toSorted((a, b) => a.receivedAt - b.receivedAt);
  return { labels, deliveries };
};
