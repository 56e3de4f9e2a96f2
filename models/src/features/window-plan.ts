/** Which windows a stream of observations makes: the one authority for agent, server, batch and ledger. */

/** A bundle's `manifest.window` is one. */
export interface WindowSpec {
  /** Milliseconds of event time a window spans. */
  readonly lengthMs: number;
  /** Milliseconds from one window's start to the next; windows overlap when it is below `lengthMs`. */
  readonly hopMs: number;
  readonly sampleRateHz: number;
  /** Share of the nominal number of samples below which a window is not emitted, 0 to 1. */
  readonly minCoverage: number;
}

/** Half-open [startAt, endAt) in milliseconds since the epoch; `count` samples lie in it. */
export interface PlannedWindow {
  readonly startAt: number;
  readonly endAt: number;
  readonly count: number;
}

/**
 * Window k is [k * hopMs, k * hopMs + lengthMs), k any integer: aligned to the Unix epoch, never to the first sample.
 * Returns the starts of the windows that contain `at`, ascending; none when `at` falls between hops longer than windows.
 */
export const windowStartsContaining = (at: number, spec: Pick<WindowSpec, 'lengthMs' | 'hopMs'>): number[] => {
  const last = Math.floor(at / spec.hopMs);
  const first = Math.floor((at - spec.lengthMs) / spec.hopMs) + 1;
  const starts: number[] = [];
  for (let k = first; k <= last; k += 1) starts.push(k * spec.hopMs);
  return starts;
};

/** Samples a window holds when none is missing. */
export const nominalCount = (spec: WindowSpec): number => (spec.lengthMs * spec.sampleRateHz) / 1_000;

/** Whether a window with `count` samples is emitted; an empty one never is. */
export const hasCoverage = (count: number, spec: WindowSpec): boolean =>
  count > 0 && count >= spec.minCoverage * nominalCount(spec);

/**
 * Every window that is emitted for these observations, by start. A window is emitted when an observation at or after its
 * end exists and it has coverage. Stamps count as often as they occur; the order of the input does not matter.
 * `observedAtMs` are integers, milliseconds since the epoch.
 */
export const expectedWindows = (observedAtMs: readonly number[], spec: WindowSpec): PlannedWindow[] => {
  const counts = new Map<number, number>();
  let newestAt = -Infinity;
  for (const at of observedAtMs) {
    newestAt = Math.max(newestAt, at);
    for (const startAt of windowStartsContaining(at, spec)) counts.set(startAt, (counts.get(startAt) ?? 0) + 1);
  }
  return [...counts]
    .map(([startAt, count]) => ({ startAt, endAt: startAt + spec.lengthMs, count }))
    .filter(({ endAt, count }) => endAt <= newestAt && hasCoverage(count, spec))
    .sort((a, b) => a.startAt - b.startAt);
};
