/** Views that come with Shoal, for the pumps of the catalogue's models. */
import { entityViewSchema, type EntityView, type WindowAggregate } from '@shoal/protocol/wire';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const CHANNELS: readonly (readonly [channel: string, feature: string])[] = [
  ['Pressure', 'pressure'],
  ['Current', 'current'],
  ['Temperature', 'temperature'],
  ['Volume Flow RateRMS', 'flow'],
];

const overReadings = (aggregates: readonly WindowAggregate[], windowMs: number, panes: number): unknown[] =>
  CHANNELS.flatMap(([channel, feature]) =>
    aggregates.map((aggregate) => ({
      name: `${feature}_${aggregate}`,
      source: { kind: 'readings', channel, aggregate, windowMs, panes },
    })),
  );

const overScores = (aggregates: readonly WindowAggregate[], windowMs: number, panes: number): unknown[] =>
  aggregates.map((aggregate) => ({
    name: `score_${aggregate}`,
    source: { kind: 'predictions', model: 'pump-anomaly', output: 'score', aggregate, windowMs, panes },
  }));

const overWeek = (channel: string, aggregate: WindowAggregate): unknown => ({
  kind: 'readings',
  channel,
  aggregate,
  windowMs: 7 * 24 * HOUR_MS,
  panes: 28,
});
const VIBRATION = 'Accelerometer1RMS';
const vibrationDay = (aggregate: WindowAggregate): unknown => ({
  kind: 'readings',
  channel: VIBRATION,
  aggregate,
  windowMs: 24 * HOUR_MS,
  panes: 24,
});

/** `pump-recent`: the last five minutes of a pump; `pump-day`: its last day; `pump-week`: what it is held against. */
export const SHIPPED_VIEWS: readonly EntityView[] = [
  {
    name: 'pump-recent',
    entity: 'device',
    description: 'The last five minutes of a pump, and what its model said.',
    maxAgeMs: 5 * MINUTE_MS,
    features: [
      ...overReadings(['last', 'mean', 'std'], 5 * MINUTE_MS, 5),
      ...overScores(['last', 'max'], 5 * MINUTE_MS, 5),
    ],
  },
  {
    name: 'pump-day',
    entity: 'device',
    description: 'The last day of a pump by the hour: level, spread and worst anomaly score.',
    maxAgeMs: 24 * HOUR_MS,
    features: [
      ...overReadings(['mean', 'std', 'min', 'max'], 24 * HOUR_MS, 24),
      ...overScores(['mean', 'max', 'count'], 24 * HOUR_MS, 24),
    ],
  },
  {
    name: 'pump-week',
    entity: 'device',
    description:
      'The last week of a pump in quarters of a day, and how it shook on its last day: what shows a trend beside pump-day.',
    maxAgeMs: 24 * HOUR_MS,
    features: [
      ...CHANNELS.map(([channel, feature]) => ({ name: `${feature}_mean`, source: overWeek(channel, 'mean') })),
      { name: 'vibration_mean', source: overWeek(VIBRATION, 'mean') },
      { name: 'vibration_day', source: vibrationDay('mean') },
      { name: 'readings', source: overWeek(VIBRATION, 'count') },
      { name: 'readings_day', source: vibrationDay('count') },
    ],
  },
].map((view) => entityViewSchema.parse(view));
