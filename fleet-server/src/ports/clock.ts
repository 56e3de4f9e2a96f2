/** Time as the server sees it; injected, so that tests own it. */
export abstract class Clock {
  /** Milliseconds since the Unix epoch. */
  abstract now(): number;
  /** Milliseconds of a clock that never steps; for intervals. */
  abstract monotonic(): number;
}
