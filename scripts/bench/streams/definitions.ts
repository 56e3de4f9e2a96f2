/** Five streams over the readings of pumps, one of every kind that a fleet asks for. */

const MINUTE_MS = 60_000;
const common = { source: { kind: 'readings' }, allowedLatenessMs: 30_000 } as const;

/** Whose windows hold quantiles, and whose hold a count of different values. */
export const WITH_QUANTILES = 'pressure';
export const WITH_DISTINCT = 'load-of-site';

export const STREAMS = [
  {
    ...common,
    name: 'temperature',
    key: { by: 'device' },
    window: { kind: 'tumbling', sizeMs: MINUTE_MS },
    aggregates: (['mean', 'min', 'max', 'last'] as const).map((aggregate) => ({
      name: aggregate,
      aggregate,
      value: 'Temperature',
    })),
  },
  {
    ...common,
    name: WITH_QUANTILES,
    key: { by: 'device' },
    window: { kind: 'tumbling', sizeMs: MINUTE_MS },
    aggregates: [
      { name: 'pressure', aggregate: 'quantiles', value: 'Pressure', shares: [0.5, 0.99] },
      { name: 'records', aggregate: 'count' },
    ],
  },
  {
    ...common,
    name: 'current',
    key: { by: 'device' },
    window: { kind: 'hopping', sizeMs: 5 * MINUTE_MS, everyMs: MINUTE_MS },
    aggregates: [{ name: 'spread', aggregate: 'std', value: 'Current' }],
  },
  {
    ...common,
    name: 'running',
    where: 'Current > 0.5 && Voltage > 100',
    key: { by: 'device' },
    window: { kind: 'session', gapMs: 5 * MINUTE_MS },
    aggregates: [{ name: 'records', aggregate: 'count' }],
  },
  {
    ...common,
    name: WITH_DISTINCT,
    key: { by: 'label', label: 'site' },
    window: { kind: 'tumbling', sizeMs: MINUTE_MS },
    aggregates: [
      { name: 'load', aggregate: 'mean', value: 'Current * Voltage' },
      { name: 'devices', aggregate: 'distinct', value: '$device' },
    ],
  },
] as const;
