/** Counts over the last minute in seconds' resolution; memory does not depend on the rate. */

const SECONDS = 60;

export class MinuteCounter {
  private readonly startedAt: number;
  private readonly counts = Array.from({ length: SECONDS }, () => 0);
  private latest: number;

  /** Instants in milliseconds of a clock that does not step back. */
  constructor(startedAt: number) {
    this.startedAt = startedAt;
    this.latest = Math.floor(startedAt / 1_000);
  }

  add(at: number, amount: number): void {
    const second = this.moveTo(at);
    this.counts[second % SECONDS] = (this.counts[second % SECONDS] ?? 0) + amount;
  }

  /** In the minute before `at`. */
  total(at: number): number {
    this.moveTo(at);
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** Per second over the last minute, or over the time since the start when that is shorter. */
  perSecond(at: number): number {
    const elapsed = Math.min(SECONDS, Math.max(1, (at - this.startedAt) / 1_000));
    return this.total(at) / elapsed;
  }

  /** Clears the seconds in between. @returns the second of `at`, never before the latest */
  private moveTo(at: number): number {
    const second = Math.max(this.latest, Math.floor(at / 1_000));
    const from = Math.max(this.latest, second - SECONDS);
    for (let cleared = from + 1; cleared <= second; cleared += 1) this.counts[cleared % SECONDS] = 0;
    this.latest = second;
    return second;
  }
}
