/** The state of one window: how many records, when, and one part per value. It merges, so that arrival order does not matter. */
import type { WindowResult } from '@shoal/protocol';
import type { Scalar, StreamAggregate } from '@shoal/protocol/wire';
import { ByteReader, ByteWriter } from '../sketch/byte-codec.ts';
import { FieldState } from './field-state.ts';
import { shareName } from './share-name.ts';
import type { StreamPlan } from './stream-plan.ts';

const SECOND_MS = 1_000;
const writer = new ByteWriter();

type Values = WindowResult['values'];

export class WindowState {
  readonly plan: StreamPlan;
  records = 0;
  /** Of these, placed at their receipt. */
  clockBad = 0;
  /** Event time of the earliest and the latest record. */
  earliest = Number.POSITIVE_INFINITY;
  latest = Number.NEGATIVE_INFINITY;
  readonly fields: readonly FieldState[];

  constructor(plan: StreamPlan, fields: readonly FieldState[] = plan.fields.map((field) => new FieldState(field))) {
    this.plan = plan;
    this.fields = fields;
  }

  /** `values` in the order of the fields. */
  add(eventAt: number, sequence: number, isClockBad: boolean, values: readonly Scalar[]): void {
    this.records += 1;
    if (isClockBad) this.clockBad += 1;
    if (eventAt < this.earliest) this.earliest = eventAt;
    if (eventAt > this.latest) this.latest = eventAt;
    for (let index = 0; index < this.fields.length; index += 1) {
      this.fields[index]?.add(values[index] ?? null, eventAt, sequence);
    }
  }

  /** Takes the other's records in; the other stays as it is. */
  merge(other: WindowState): this {
    this.records += other.records;
    this.clockBad += other.clockBad;
    this.earliest = Math.min(this.earliest, other.earliest);
    this.latest = Math.max(this.latest, other.latest);
    for (const [index, field] of other.fields.entries()) this.fields[index]?.merge(field);
    return this;
  }

  /** What it is by the aggregates of the stream; `spanMs` is the length of the window. */
  values(spanMs: number): Values {
    return Object.fromEntries(
      this.plan.aggregates.map(({ aggregate, field }) => [
        aggregate.name,
        this.#value(aggregate, field === undefined ? undefined : this.fields[field], spanMs),
      ]),
    );
  }

  encode(): Buffer {
    writer.integer(this.records);
    if (this.records > 0) {
      writer.integer(this.clockBad);
      writer.integer(this.earliest);
      writer.integer(this.latest - this.earliest);
      for (const field of this.fields) field.write(writer, this.earliest);
    }
    return writer.take();
  }

  static decode(bytes: Uint8Array, plan: StreamPlan): WindowState {
    const reader = new ByteReader(bytes);
    const records = reader.integer();
    if (records === 0) return new WindowState(plan);
    const clockBad = reader.integer();
    const earliest = reader.integer();
    const latest = earliest + reader.integer();
    const fields = plan.fields.map((field) => FieldState.read(reader, field, earliest));
    return Object.assign(new WindowState(plan, fields), { records, clockBad, earliest, latest });
  }

  #value(aggregate: StreamAggregate, field: FieldState | undefined, spanMs: number): Values[string] {
    if (field === undefined) return aggregate.aggregate === 'rate' ? (this.records * SECOND_MS) / spanMs : this.records;
    switch (aggregate.aggregate) {
      case 'count':
        return field.count;
      case 'distinct':
        return field.distinct?.count() ?? 0;
      case 'histogram':
        return field.histogram?.toRecord() ?? {};
      case 'quantiles':
        return Object.fromEntries(
          aggregate.shares.map((share) => [shareName(share), field.quantiles?.quantile(share) ?? null]),
        );
      case 'rate':
      case 'sum':
      case 'mean':
      case 'min':
      case 'max':
      case 'std':
      case 'first':
      case 'last':
        return field.numbers === 0 ? null : numberOf(aggregate.aggregate, field);
    }
  }
}

type OfNumbers = Exclude<StreamAggregate['aggregate'], 'count' | 'distinct' | 'histogram' | 'quantiles'>;

const numberOf = (aggregate: OfNumbers, field: FieldState): number | null => {
  const { numbers, sum, squares, min, max, first, last } = field;
  switch (aggregate) {
    case 'sum':
      return sum;
    case 'mean':
      return sum / numbers;
    case 'min':
      return min;
    case 'max':
      return max;
    case 'std':
      return Math.sqrt(Math.max(0, squares) / numbers);
    case 'first':
      return first?.value ?? null;
    case 'last':
      return last?.value ?? null;
    case 'rate': {
      if (first === undefined || last === undefined || last.at === first.at) return null;
      return ((last.value - first.value) * SECOND_MS) / (last.at - first.at);
    }
  }
};
