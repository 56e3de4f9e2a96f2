/** Time as the scheduler sees it; a test brings its own. */

export interface SchedulerClock {
  /** Milliseconds, with fractions, never going back; since the epoch where it is a real clock. */
  now(): number;
  /** Runs soon, after what has already arrived was taken in. */
  soon(run: () => void): void;
  /** Runs once after `delayMs`; the returned function prevents it. */
  after(delayMs: number, run: () => void): () => void;
}

export const SYSTEM_CLOCK: SchedulerClock = {
  now: () => performance.timeOrigin + performance.now(),
  soon: (run) => void setImmediate(run),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
