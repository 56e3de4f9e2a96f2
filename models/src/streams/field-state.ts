/**
 * What a window keeps of one value: mergeable, so that the same records give the same state in whatever order they come.
 * Mean and variance merge by Chan, Golub and LeVeque (1979).
 */
import type { Scalar } from '@shoal/protocol/wire';
import type { ByteReader, ByteWriter } from '../sketch/byte-codec.ts';
import { DistinctSketch } from '../sketch/distinct.ts';
import { QuantileSketch } from '../sketch/quantiles.ts';
import { LabelCounts } from './label-counts.ts';
import type { FieldPlan } from './stream-plan.ts';

/** A value with its place in time: of one instant the higher sequence is later, then the greater value. */
interface End {
  at: number;
  sequence: number;
  value: number;
}

const compareEnds = (a: End, b: End): number => a.at - b.at || a.sequence - b.sequence || a.value - b.value;

export class FieldState {
  readonly plan: FieldPlan;
  /** How often there was a value. */
  count = 0;
  /** Of these, numbers; the six below are about them. */
  numbers = 0;
  sum = 0;
  mean = 0;
  /** Sum of squared differences from the mean. */
  squares = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  first: End | undefined;
  last: End | undefined;
  readonly quantiles: QuantileSketch | undefined;
  readonly distinct: DistinctSketch | undefined;
  readonly histogram: LabelCounts | undefined;

  constructor(
    plan: FieldPlan,
    sketches: Partial<Pick<FieldState, 'quantiles' | 'distinct' | 'histogram'>> = {
      ...(plan.quantiles && { quantiles: new QuantileSketch('bounded') }),
      ...(plan.distinct && { distinct: new DistinctSketch() }),
      ...(plan.histogram && { histogram: new LabelCounts() }),
    },
  ) {
    this.plan = plan;
    this.quantiles = sketches.quantiles;
    this.distinct = sketches.distinct;
    this.histogram = sketches.histogram;
  }

  add(value: Scalar, at: number, sequence: number): void {
    if (value === null) return;
    this.count += 1;
    this.distinct?.add(value);
    this.histogram?.add(String(value), 1);
    if (typeof value !== 'number') return;
    this.numbers += 1;
    this.sum += value;
    if (this.plan.spread) {
      const delta = value - this.mean;
      this.mean += delta / this.numbers;
      this.squares += delta * (value - this.mean);
    }
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    if (this.plan.ends) this.#end({ at, sequence, value });
    this.quantiles?.add(value);
  }

  merge(other: FieldState): void {
    const numbers = this.numbers + other.numbers;
    if (this.plan.spread && other.numbers > 0) {
      const delta = other.mean - this.mean;
      this.squares += other.squares + (delta * delta * this.numbers * other.numbers) / numbers;
      this.mean += (delta * other.numbers) / numbers;
    }
    this.count += other.count;
    this.numbers = numbers;
    this.sum += other.sum;
    if (other.min < this.min) this.min = other.min;
    if (other.max > this.max) this.max = other.max;
    if (other.first !== undefined) this.#end(other.first);
    if (other.last !== undefined) this.#end(other.last);
    if (other.quantiles !== undefined) this.quantiles?.merge(other.quantiles);
    if (other.distinct !== undefined) this.distinct?.merge(other.distinct);
    if (other.histogram !== undefined) this.histogram?.merge(other.histogram);
  }

  /** `base`: an instant near those of the state. */
  write(writer: ByteWriter, base: number): void {
    const { plan } = this;
    writer.integer(this.count);
    if (this.count === 0) return;
    writer.integer(this.count - this.numbers);
    if (this.numbers > 0) {
      if (plan.sum) writer.double(this.sum);
      if (plan.spread) for (const each of [this.mean, this.squares]) writer.double(each);
      if (plan.extremes) for (const each of [this.min, this.max]) writer.double(each);
      if (plan.ends) for (const end of [this.first, this.last]) writeEnd(writer, end, base);
      if (plan.quantiles) this.quantiles?.write(writer);
    }
    this.distinct?.write(writer);
    this.histogram?.write(writer);
  }

  static read(reader: ByteReader, plan: FieldPlan, base: number): FieldState {
    const count = reader.integer();
    if (count === 0) return new FieldState(plan);
    const numbers = count - reader.integer();
    const has = numbers > 0;
    const sum = has && plan.sum ? reader.double() : 0;
    const [mean, squares] = has && plan.spread ? [reader.double(), reader.double()] : [0, 0];
    const [min, max] =
      has && plan.extremes ? [reader.double(), reader.double()] : [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const [first, last] = has && plan.ends ? [readEnd(reader, base), readEnd(reader, base)] : [];
    const empty = plan.quantiles ? new QuantileSketch('bounded') : undefined;
    const quantiles = has && plan.quantiles ? QuantileSketch.read(reader) : empty;
    const distinct = plan.distinct ? DistinctSketch.read(reader) : undefined;
    const histogram = plan.histogram ? LabelCounts.read(reader) : undefined;
    const state = new FieldState(plan, {
      ...(quantiles && { quantiles }),
      ...(distinct && { distinct }),
      ...(histogram && { histogram }),
    });
    return Object.assign(state, { count, numbers, sum, mean, squares, min, max, first, last });
  }

  #end(end: End): void {
    if (this.first === undefined || compareEnds(end, this.first) < 0) this.first = end;
    if (this.last === undefined || compareEnds(end, this.last) > 0) this.last = end;
  }
}

const writeEnd = (writer: ByteWriter, end: End | undefined, base: number): void => {
  writer.signed((end?.at ?? base) - base);
  writer.integer(end?.sequence ?? 0);
  writer.double(end?.value ?? 0);
};

const readEnd = (reader: ByteReader, base: number): End => ({
  at: reader.signed() + base,
  sequence: reader.integer(),
  value: reader.double(),
});
