/** When a polled sensor is read: at whole multiples of its period, without drift, whatever a read takes. Pure. */

/** Ticks lie at `firstDueAt + k * periodMs` of a clock that never steps. */
export interface TickSchedule {
  readonly firstDueAt: number;
  readonly periodMs: number;
}

export interface Tick {
  readonly index: number;
  readonly dueAt: number;
  /** Ticks between the one before and this whose time passed while something else went on. */
  readonly skipped: number;
}

/** The first tick falls on the next whole multiple of the period since the epoch: samples of one rate lie on one grid, and on that of windows. */
export const alignedSchedule = (rateHz: number, now: number, monotonic: number): TickSchedule => {
  const periodMs = 1_000 / rateHz;
  return { firstDueAt: monotonic + ((periodMs - (now % periodMs)) % periodMs), periodMs };
};

/** The next tick after tick `lastIndex` (-1 before the first) that is not over at `monotonic`; a tick is over when the next one is due. */
export const nextTick = ({ firstDueAt, periodMs }: TickSchedule, lastIndex: number, monotonic: number): Tick => {
  const current = Math.floor((monotonic - firstDueAt) / periodMs);
  const index = Math.max(lastIndex + 1, current);
  return { index, dueAt: firstDueAt + index * periodMs, skipped: index - lastIndex - 1 };
};
