/** What pump-health is given: a pump's last day beside its last week, and how much of the week there is. */
import { pinEntityViews, SHIPPED_VIEWS, entityVectorHash, type EntityVector } from '@shoal/models';
import type { CHANNELS } from '../pump-anomaly/pump-signal.ts';

/** Levels in the order of the network, as channel and as feature of either view. */
export const LEVELS = [
  { channel: 'Volume Flow RateRMS', day: ['pump-day', 'flow_mean'], week: ['pump-week', 'flow_mean'] },
  { channel: 'Current', day: ['pump-day', 'current_mean'], week: ['pump-week', 'current_mean'] },
  { channel: 'Temperature', day: ['pump-day', 'temperature_mean'], week: ['pump-week', 'temperature_mean'] },
  { channel: 'Pressure', day: ['pump-day', 'pressure_mean'], week: ['pump-week', 'pressure_mean'] },
  { channel: 'Accelerometer1RMS', day: ['pump-week', 'vibration_day'], week: ['pump-week', 'vibration_mean'] },
] as const satisfies readonly {
  channel: (typeof CHANNELS)[number];
  day: readonly [string, string];
  week: readonly [string, string];
}[];

const named = ([view, feature]: readonly [string, string]): EntityVector['features'][number] => ({ view, feature });

/** Columns: levels of the day, levels of the week, readings of the day, readings of the week. */
export const entityVector = (): EntityVector => {
  const views = SHIPPED_VIEWS.filter(({ name }) => name === 'pump-day' || name === 'pump-week');
  const shape = {
    views: pinEntityViews(views).views,
    features: [
      ...LEVELS.map(({ day }) => named(day)),
      ...LEVELS.map(({ week }) => named(week)),
      named(['pump-week', 'readings_day']),
      named(['pump-week', 'readings']),
    ],
  };
  return { ...shape, hash: entityVectorHash(shape) };
};
