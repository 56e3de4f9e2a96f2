/** Streams of every kind of source, key and window, for the test against the oracle. */
import { streamDefinitionSchema, type StreamDefinition } from '@shoal/protocol';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

const define = (definition: object): StreamDefinition =>
  streamDefinitionSchema.parse({ retentionDays: { window: 90, hour: 90 }, ...definition });

export const STREAMS = {
  minutes: define({
    name: 'minutes',
    source: { kind: 'readings', source: 'pump' },
    where: 'a > -10 || rare == 1',
    key: { by: 'device' },
    window: { kind: 'tumbling', sizeMs: MINUTE_MS },
    aggregates: [
      { name: 'count', aggregate: 'count', value: 'a' },
      ...(['sum', 'mean', 'min', 'max', 'std', 'first', 'last', 'rate'] as const).map((aggregate) => ({
        name: aggregate,
        aggregate,
        value: 'a * 2 + `b c`',
      })),
      { name: 'different', aggregate: 'distinct', value: '`b c`' },
      { name: 'shares', aggregate: 'quantiles', value: 'a', shares: [0, 0.5, 0.9, 1] },
    ],
  }),
  hops: define({
    name: 'hops',
    source: { kind: 'readings' },
    key: { by: 'label', label: 'site' },
    window: { kind: 'hopping', sizeMs: 10 * MINUTE_MS, everyMs: 2 * MINUTE_MS },
    aggregates: [{ name: 'sum', aggregate: 'sum', value: '`b c`' }],
    allowedLatenessMs: 5 * MINUTE_MS,
  }),
  visits: define({
    name: 'visits',
    source: { kind: 'readings' },
    key: { by: 'device' },
    window: { kind: 'session', gapMs: 3 * MINUTE_MS },
    aggregates: [{ name: 'sum', aggregate: 'sum', value: '`b c`' }],
    allowedLatenessMs: 0,
  }),
  rings: define({
    name: 'rings',
    source: { kind: 'events' },
    where: "$severity == 'warning'",
    key: {
      by: 'cohort',
      cohorts: [
        { name: 'first', where: [{ label: 'ring', value: 'canary' }, { label: 'site' }] },
        { name: 'rest', where: [{ label: 'ring' }] },
      ],
    },
    window: { kind: 'tumbling', sizeMs: HOUR_MS },
    aggregates: [{ name: 'missing', aggregate: 'sum', value: 'missing' }],
  }),
  labels: define({
    name: 'labels',
    source: { kind: 'predictions' },
    key: { by: 'model' },
    window: { kind: 'tumbling', sizeMs: 5 * MINUTE_MS },
    aggregates: [
      { name: 'by', aggregate: 'histogram', value: "coalesce($label, 'none')" },
      { name: 'worst', aggregate: 'max', value: 'score' },
    ],
  }),
  fives: define({
    name: 'fives',
    source: { kind: 'predictions', model: 'pump-wear' },
    key: { by: 'prediction-label' },
    window: { kind: 'count', records: 5 },
    aggregates: [{ name: 'sum', aggregate: 'sum', value: 'score' }],
  }),
} as const;
