/** The streams of the bench: what each device did in every hour of its absence, and what each site did. */
const HOUR_MS = 3_600_000;
const SITES = 20;

export const siteOf = (index: number): string => `site-${index % SITES}`;

export const SHARES = [0.5, 0.95] as const;
export const BY_DEVICE = 'device-hour';
export const BY_SITE = 'site-hour';

const common = {
  source: { kind: 'readings' },
  window: { kind: 'tumbling', sizeMs: HOUR_MS },
  retentionDays: { window: 30 },
} as const;

const temperature = [
  { name: 'count', aggregate: 'count' },
  ...(['sum', 'min', 'max'] as const).map((aggregate) => ({ name: aggregate, aggregate, value: 'Temperature' })),
] as const;

export const STREAMS = [
  {
    ...common,
    name: BY_DEVICE,
    key: { by: 'device' },
    aggregates: [...temperature, { name: 'pressure', aggregate: 'quantiles', value: 'Pressure', shares: [...SHARES] }],
  },
  { ...common, name: BY_SITE, key: { by: 'label', label: 'site' }, aggregates: [...temperature] },
] as const;
