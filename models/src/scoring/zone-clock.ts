/** What a clock on the wall of an IANA time zone shows, and when it is put forward or back. Instants are milliseconds of UTC. */

const DAY_MS = 86_400_000;
const UNITS_MS = [3_600_000, 60_000, 1_000] as const;
/** GMT, GMT+02:00, GMT-00:44:30. */
const OFFSET = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;
/** The runtime takes `+02:00` for a zone too; such a clock is never put forward or back, and nobody lives by it. */
const NAME = /^[A-Za-z]/;

/** One span of time in which the clock was not put forward or back. */
export interface ClockSpan {
  readonly from: number;
  /** Exclusive; infinite when no change was found up to the horizon. */
  readonly until: number;
  /** Wall clock minus UTC, milliseconds. */
  readonly offsetMs: number;
}

export class ZoneClock {
  readonly #format: Intl.DateTimeFormat;

  /** @throws RangeError for a zone that the runtime's table does not have */
  constructor(zone: string) {
    if (!NAME.test(zone)) throw new RangeError(`Invalid time zone specified: ${zone}`);
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  }

  /** Wall clock minus UTC in milliseconds. */
  offsetAt(instant: number): number {
    const [, sign, ...digits] = OFFSET.exec(this.#format.format(instant)) ?? [];
    const size = UNITS_MS.reduce((sum, unit, i) => sum + unit * Number(digits[i] ?? 0), 0);
    return sign === '-' ? -size : size;
  }

  /** What the wall clock shows, as the instant at which a clock of UTC shows it. */
  wallAt(instant: number): number {
    return instant + this.offsetAt(instant);
  }

  /** @yields spans from the one `from` lies in up to the one `until` lies in; the first begins with `from` */
  *spans(from: number, until: number): Generator<ClockSpan> {
    let start = from;
    let offsetMs = this.offsetAt(from);
    for (let probe = from; probe < until; probe += DAY_MS) {
      if (this.offsetAt(probe + DAY_MS) === offsetMs) continue;
      const change = this.#changeWithin(probe, probe + DAY_MS, offsetMs);
      yield { from: start, until: change, offsetMs };
      start = change;
      offsetMs = this.offsetAt(change);
      probe = change - DAY_MS;
    }
    yield { from: start, until: Infinity, offsetMs };
  }

  /** The first instant after `before` with another offset, by halving; `after` has another one. */
  #changeWithin(before: number, after: number, offsetMs: number): number {
    let [low, high] = [before, after];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.offsetAt(middle) === offsetMs) low = middle;
      else high = middle;
    }
    return high;
  }
}
