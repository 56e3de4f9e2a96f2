/** Irregular, gappy, repeated samples of one channel onto an even grid, by event time. */
import { ModelError } from '../errors.ts';
import type { ResampleStep } from './feature-view.ts';

/** Event time in milliseconds since the epoch; a channel absent from `values` or null has no value at that instant. */
export interface WindowSample {
  readonly observedAt: number;
  readonly values: Readonly<Record<string, number | null>>;
}

/** Half-open [startAt, endAt). Samples may come in any order, with gaps and repeated stamps. */
export interface SampleWindow {
  readonly startAt: number;
  readonly endAt: number;
  readonly samples: readonly WindowSample[];
}

interface Point {
  readonly at: number;
  readonly value: number;
}

const MAX_GRID_POINTS = 65_536;

const reject = (message: string): never => {
  throw new ModelError('WINDOW_SHAPE_INVALID', message);
};

/** Grid points of a window; they lie at startAt + i * 1000 / rateHz. Throws WINDOW_SHAPE_INVALID. */
export const gridLength = (lengthMs: number, rateHz: number): number => {
  const points = Math.round((lengthMs * rateHz) / 1_000);
  if (!(points >= 1) || points > MAX_GRID_POINTS)
    reject(`A window of ${lengthMs} ms at ${rateHz} Hz has ${points} points, allowed are 1 to ${MAX_GRID_POINTS}`);
  return points;
};

/** Throws WINDOW_SHAPE_INVALID for bounds that are no window and samples that do not lie in them. */
export const checkWindow = (window: SampleWindow): void => {
  const { startAt, endAt, samples } = window;
  if (!Number.isSafeInteger(startAt) || !Number.isSafeInteger(endAt) || endAt <= startAt)
    reject(`Window bounds [${startAt}, ${endAt}) are not ascending integers of milliseconds`);
  const outside = samples.find(({ observedAt }) => !(observedAt >= startAt && observedAt < endAt));
  if (outside !== undefined) reject(`Sample at ${outside.observedAt} lies outside of [${startAt}, ${endAt})`);
};

/** In the order of the samples. */
const valuesOf = (window: SampleWindow, channel: string): Point[] => {
  const points: Point[] = [];
  for (const { observedAt: at, values } of window.samples) {
    const value = Object.hasOwn(values, channel) ? values[channel] : null;
    if (value === null || value === undefined) continue;
    if (!Number.isFinite(value)) reject(`Channel ${channel} has ${value} at ${at}; send null for no value`);
    // Without the sign of a zero: a lone -0 would stay while the mean of repeated ones is +0.
    points.push({ at, value: value + 0 });
  }
  return points;
};

const isAscending = (points: readonly Point[]): boolean => {
  for (let i = 1; i < points.length; i += 1) if ((points[i]?.at ?? 0) <= (points[i - 1]?.at ?? 0)) return false;
  return true;
};

/** Points by time; the values of a repeated stamp become their mean, whatever their order was. */
const pointsOf = (window: SampleWindow, channel: string): Point[] => {
  const points = valuesOf(window, channel);
  // The rule, and a device has better to do than to sort what is sorted.
  if (isAscending(points)) return points;
  const byTime = new Map<number, number[]>();
  for (const { at, value } of points) {
    const same = byTime.get(at);
    if (same === undefined) byTime.set(at, [value]);
    else same.push(value);
  }
  return [...byTime]
    .map(([at, values]) => ({ at, value: values.sort((a, b) => a - b).reduce((sum, v) => sum + v, 0) / values.length }))
    .sort((a, b) => a.at - b.at);
};

const near = (point: Point | undefined, at: number, maxGapMs: number): number =>
  point !== undefined && Math.abs(point.at - at) <= maxGapMs ? point.value : Number.NaN;

const between = (before: Point, after: Point, at: number): number =>
  before.value + ((after.value - before.value) * (at - before.at)) / (after.at - before.at);

/** NaN where the gap is too wide. Before the first and after the last sample the nearest value holds, up to the gap. */
const valueAt = (pair: readonly [Point | undefined, Point | undefined], at: number, step: ResampleStep): number => {
  const [before, after] = pair;
  if (before === undefined) return near(after, at, step.maxGapMs);
  if (before.at === at || after === undefined || step.method === 'previous') return near(before, at, step.maxGapMs);
  return after.at - before.at <= step.maxGapMs ? between(before, after, at) : Number.NaN;
};

const fill = (step: ResampleStep, channel: string): number => {
  if (step.missing.policy === 'zero') return 0;
  const constant = step.missing.policy === 'constant' ? step.missing.values[channel] : undefined;
  if (constant === undefined)
    throw new ModelError('WINDOW_INCOMPLETE', `Channel ${channel} has no value over more than ${step.maxGapMs} ms`);
  return constant;
};

/** Fills the grid when there is one sample for each of its points, at the point and in order: the rule, and nothing is in between. */
const fillsByItself = (grid: Float64Array, window: SampleWindow, channel: string, rateHz: number): boolean => {
  const { samples, startAt } = window;
  if (samples.length !== grid.length) return false;
  for (let i = 0; i < grid.length; i += 1) {
    const sample = samples[i];
    if (sample?.observedAt !== startAt + (i * 1_000) / rateHz || !Object.hasOwn(sample.values, channel)) return false;
    const value = sample.values[channel];
    if (!Number.isFinite(value)) return false;
    grid[i] = (value as number) + 0;
  }
  return true;
};

/** One value per grid point. Throws WINDOW_INCOMPLETE by the missing policy, WINDOW_SHAPE_INVALID for a value that is not finite. */
export const resampleChannel = (window: SampleWindow, channel: string, step: ResampleStep): Float64Array => {
  const grid = new Float64Array(gridLength(window.endAt - window.startAt, step.rateHz));
  if (fillsByItself(grid, window, channel, step.rateHz)) return grid;
  const points = pointsOf(window, channel);
  let next = 0;
  for (let i = 0; i < grid.length; i += 1) {
    const at = window.startAt + (i * 1_000) / step.rateHz;
    while (next < points.length && (points[next]?.at ?? Infinity) <= at) next += 1;
    const value = valueAt([points[next - 1], points[next]], at, step);
    grid[i] = Number.isNaN(value) ? fill(step, channel) : value;
  }
  return grid;
};
