/** What every window must say, computed from the records that were sent, and which windows of the server say otherwise. */
import type { WindowResult } from '@shoal/protocol';
import { MINUTE_MS, VARIANTS, awayDeviceId, awayReadings, type AwaySpan } from './away-records.ts';
import { SHARES, siteOf } from './away-streams.ts';

const HOUR_MS = 3_600_000;
const MINUTES_PER_HOUR = HOUR_MS / MINUTE_MS;
/** Of the sketch of quantiles, and what rounding may add to it. */
const QUANTILE_ERROR = 0.01 + 1e-9;

interface Hour {
  count: number;
  sum: number;
  min: number;
  max: number;
  /** Ascending; of one device only. */
  readonly pressures: readonly number[];
}

type Values = WindowResult['values'];

export class WindowOracle {
  /** By key, one entry per hour. */
  readonly #devices = new Map<string, readonly Hour[]>();
  readonly #sites = new Map<string, Hour[]>();
  readonly #span: AwaySpan;

  /** The span begins with an hour. */
  constructor(devices: number, span: AwaySpan) {
    this.#span = span;
    const variants = Array.from({ length: VARIANTS }, (_, variant) => hoursOf(variant, span));
    for (let index = 0; index < devices; index += 1) {
      const hours = variants[index % VARIANTS] ?? [];
      this.#devices.set(awayDeviceId(index), hours);
      const site = this.#sites.get(siteOf(index));
      if (site === undefined)
        this.#sites.set(
          siteOf(index),
          hours.map((hour) => ({ ...hour })),
        );
      else for (const [at, hour] of hours.entries()) add(site[at], hour);
    }
  }

  byDevice(): WindowCheck {
    return new WindowCheck(this.#devices, this.#span.startAt, SHARES);
  }

  bySite(): WindowCheck {
    return new WindowCheck(this.#sites, this.#span.startAt, []);
  }
}

/** Is shown every window of one stream, once each. */
export class WindowCheck {
  readonly #expected: ReadonlyMap<string, readonly Hour[]>;
  readonly #startAt: number;
  readonly #shares: readonly number[];
  readonly #seen = new Set<string>();
  #right = 0;
  #others = 0;

  constructor(expected: ReadonlyMap<string, readonly Hour[]>, startAt: number, shares: readonly number[]) {
    this.#expected = expected;
    this.#startAt = startAt;
    this.#shares = shares;
  }

  see({ key, startAt, endAt, clockBad, records, values }: WindowResult): void {
    const hour = this.#expected.get(key)?.[(startAt - this.#startAt) / HOUR_MS];
    if (hour === undefined) {
      this.#others += 1;
      return;
    }
    const name = `${key}/${startAt}`;
    if (this.#seen.has(name)) return;
    this.#seen.add(name);
    const isWhole = endAt === startAt + HOUR_MS && clockBad === 0 && records === hour.count;
    if (isWhole && saysRight(values, hour) && this.#quantilesRight(values, hour)) this.#right += 1;
  }

  get expected(): number {
    return [...this.#expected.values()].reduce((sum, hours) => sum + hours.length, 0);
  }

  /** Wrong ones and missing ones. */
  get wrong(): number {
    return this.expected - this.#right;
  }

  /** Windows of keys or hours that the oracle knows nothing of. */
  get others(): number {
    return this.#others;
  }

  #quantilesRight({ pressure }: Values, { pressures }: Hour): boolean {
    return this.#shares.every((share) => {
      const exact = pressures[Math.floor(share * (pressures.length - 1))] ?? Number.NaN;
      const told = typeof pressure === 'object' ? pressure?.[`p${share * 100}`] : undefined;
      return typeof told === 'number' && Math.abs(told - exact) <= QUANTILE_ERROR * exact;
    });
  }
}

const saysRight = ({ count, sum, min, max }: Values, hour: Hour): boolean =>
  count === hour.count && sum === hour.sum && min === hour.min && max === hour.max;

const hoursOf = (variant: number, span: AwaySpan): Hour[] => {
  const readings = awayReadings(variant, span);
  return Array.from({ length: Math.ceil(readings.length / MINUTES_PER_HOUR) }, (_, hour) => {
    const of = readings.slice(hour * MINUTES_PER_HOUR, (hour + 1) * MINUTES_PER_HOUR);
    const temperatures = of.map(({ values }) => Number(values['Temperature']));
    return {
      count: of.length,
      sum: temperatures.reduce((sum, value) => sum + value, 0),
      min: Math.min(...temperatures),
      max: Math.max(...temperatures),
      pressures: of.map(({ values }) => Number(values['Pressure'])).toSorted((a, b) => a - b),
    };
  });
};

const add = (site: Hour | undefined, hour: Hour): void => {
  if (site === undefined) return;
  site.count += hour.count;
  site.sum += hour.sum;
  site.min = Math.min(site.min, hour.min);
  site.max = Math.max(site.max, hour.max);
};
