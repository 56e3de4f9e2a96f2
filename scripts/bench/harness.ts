/** What every bench shares: its shape, interleaved rounds, medians, and a table. */

export interface BenchOptions {
  /** A short run for CI: the same checks of correctness, coarser figures. */
  readonly quick: boolean;
  /** Under CI a system program that is missing is a fault. */
  readonly isCi: boolean;
  /** Repeats the random choices of an earlier run, which printed it. */
  readonly seed?: string | undefined;
  /** A folder of labelled recordings, for benches that judge accuracy. */
  readonly data?: string | undefined;
  /** Talk, on stderr. */
  readonly log: (line: string) => void;
}

export interface BenchResult {
  /** By name, as the last line of stdout carries them. */
  readonly figures: Readonly<Record<string, number | string | null>>;
  /** Faults of correctness; any makes the bench exit 1. Speed is never one. */
  readonly faults: readonly string[];
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  run(options: BenchOptions): Promise<BenchResult>;
}

/** The middle value; the mean of the two middle ones for an even count. NaN for none. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Linear interpolation between closest ranks (Hyndman and Fan, type 7). */
export const quantile = (values: readonly number[], q: number): number => {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  const position = (sorted.length - 1) * q;
  const low = sorted[Math.floor(position)] ?? Number.NaN;
  const high = sorted[Math.ceil(position)] ?? low;
  return low + (high - low) * (position - Math.floor(position));
};

/**
 * Runs the contenders in turn, round by round, so that a drift of the machine meets all of them alike.
 * @returns per contender, its figure of every round in order
 */
export const interleave = async <N extends string>(
  rounds: number,
  contenders: Readonly<Record<N, () => Promise<number>>>,
  log: (line: string) => void,
): Promise<Record<N, number[]>> => {
  const names = Object.keys(contenders) as N[];
  const figures = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<N, number[]>;
  for (let round = 1; round <= rounds; round += 1) {
    for (const name of names) {
      const figure = await contenders[name]();
      figures[name].push(figure);
      log(`round ${round}/${rounds}  ${name}: ${format(figure)}`);
    }
  }
  return figures;
};

/** Median of the ratios a/b round by round: sturdier than the ratio of medians. */
export const medianRatio = (a: readonly number[], b: readonly number[]): number =>
  median(a.map((value, index) => value / (b[index] ?? Number.NaN)));

const format = (value: number | string | null): string =>
  typeof value !== 'number'
    ? String(value)
    : Math.abs(value) >= 1_000
      ? Math.round(value).toLocaleString('en')
      : String(Number(value.toPrecision(4)));

/** Figures as aligned lines. */
export const table = (figures: BenchResult['figures']): string => {
  const width = Math.max(...Object.keys(figures).map((name) => name.length));
  return Object.entries(figures)
    .map(([name, value]) => `  ${name.padEnd(width)}  ${format(value)}`)
    .join('\n');
};
