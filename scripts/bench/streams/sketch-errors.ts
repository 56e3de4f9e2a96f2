/** How far sketches are off what they stand for: quantiles of several distributions, and counts of different values. */
import { ByteReader, ByteWriter, DistinctSketch, QuantileSketch } from '@shoal/models';
import { seeded } from '../load/pump-records.ts';

const VALUES = 5_000;
const SHARES = [0.01, 0.25, 0.5, 0.9, 0.99, 0.999] as const;
const DISTINCT = { exact: 1_000, many: 20_000 } as const;
const PERCENT = 100;

type Draw = (random: () => number) => number;
const normal: Draw = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const DISTRIBUTIONS: readonly Draw[] = [
  (random) => random() * 1_000,
  (random) => Math.exp(3 * normal(random)),
  (random) => 1 / (1 - random()) ** 2,
  (random) => 230 + normal(random),
  (random) => normal(random) * 5,
];

/** Half of it one after the other, half merged in from a state that was written and read again. */
const sketchOf = (values: readonly number[]): QuantileSketch => {
  const [kept, merged] = [new QuantileSketch('bounded'), new QuantileSketch('bounded')];
  values.forEach((value, index) => (index % 2 === 0 ? kept : merged).add(value));
  const writer = new ByteWriter();
  merged.write(writer);
  kept.merge(QuantileSketch.read(new ByteReader(writer.take())));
  return kept;
};

/** Largest relative error in percent over all seeds, shares and distributions. */
export const quantileErrorPct = (seeds: number): number => {
  let worst = 0;
  for (let seed = 1; seed <= seeds; seed += 1) {
    const random = seeded(seed * 7_919);
    const draw = DISTRIBUTIONS[seed % DISTRIBUTIONS.length] as Draw;
    const values = Array.from({ length: VALUES }, () => draw(random));
    const sketch = sketchOf(values);
    const sorted = values.toSorted((a, b) => a - b);
    for (const share of SHARES) {
      const expected = sorted[Math.floor(share * (VALUES - 1))] ?? 0;
      const actual = sketch.quantile(share) ?? Number.NaN;
      worst = Math.max(worst, Math.abs(actual - expected) / Math.abs(expected));
    }
  }
  return worst * PERCENT;
};

const distinctOf = (seed: number, different: number): DistinctSketch => {
  const sketch = new DistinctSketch();
  for (let value = 0; value < different; value += 1) sketch.add(`${seed}-${value}`);
  return sketch;
};

/** Root mean square of the relative error in percent; and how often a count that must be exact is not. */
export const distinctErrors = (seeds: number): { readonly rmsPct: number; readonly inexact: number } => {
  let [squares, inexact] = [0, 0];
  for (let seed = 1; seed <= seeds; seed += 1) {
    squares += (distinctOf(seed, DISTINCT.many).count() / DISTINCT.many - 1) ** 2;
    if (distinctOf(seed, DISTINCT.exact - 1).count() !== DISTINCT.exact - 1) inexact += 1;
  }
  return { rmsPct: Math.sqrt(squares / seeds) * PERCENT, inexact };
};
