/** Device clocks that are wrong: skewed by an offset, drifting, or without any idea of the date. */

/** Milliseconds since the Unix epoch, as one device believes. */
export type DeviceClock = () => number;

export interface ClockFault {
  /** Added to the true time. */
  readonly offsetMs: number;
  /** Parts per million the clock runs fast (negative: slow) since it was started. */
  readonly driftPpm: number;
}

/** A clock over a true one, wrong in a way that repeats. */
export const skewedClock = (trueNow: DeviceClock, fault: ClockFault): DeviceClock => {
  const startedAt = trueNow();
  return () => {
    const now = trueNow();
    return Math.max(0, Math.round(now + fault.offsetMs + ((now - startedAt) * fault.driftPpm) / 1e6));
  };
};
