/** Quantiles of a stream in little memory with a relative error of 1 % (DDSketch, Masson, Rim and Lee, VLDB 2019). */
import sketches from '@datadog/sketches-js';
import type { ByteReader, ByteWriter } from './byte-codec.ts';

const RELATIVE_ACCURACY = 0.01;
const { DDSketch } = sketches;

/** Bins of either sign that a bounded sketch keeps, as in the paper: seventeen orders of magnitude stay apart. */
const BOUNDED_BINS = 2_048;

type Sketch = InstanceType<typeof DDSketch>;
type Bins = Sketch['store'];

/** Extremes and the count survive a round trip; the library's own encoding drops them. */
export interface SerializedQuantiles {
  /** Base64 of the DDSketch protobuf. */
  readonly sketch: string;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
}

export class QuantileSketch {
  readonly #sketch = new DDSketch({ relativeAccuracy: RELATIVE_ACCURACY });
  readonly #isBounded: boolean;

  /** `bounded`: of values further apart than the bins reach, the smallest are taken for one another. */
  constructor(size: 'unbounded' | 'bounded' = 'unbounded') {
    this.#isBounded = size === 'bounded';
  }

  get count(): number {
    return this.#sketch.count;
  }

  /** A value that is not finite is ignored; negative zero is zero. */
  add(value: number): void {
    if (!Number.isFinite(value)) return;
    if (this.#isBounded) this.#addBounded(value + 0);
    else this.#sketch.accept(value + 0);
  }

  merge(other: QuantileSketch): void {
    const [mine, theirs] = [this.#sketch, other.#sketch];
    const negatives = mine.negativeStore.count + theirs.negativeStore.count;
    mine.merge(theirs);
    // sketches-js 2.1.1 forgets the negative values of the other side unless this one is empty.
    if (mine.negativeStore.count < negatives) mine.negativeStore.merge(theirs.negativeStore);
    if (this.#isBounded) for (const store of [mine.store, mine.negativeStore]) collapse(store);
  }

  /** Within 1 % of the true quantile, `share` 0 to 1; null when empty. */
  quantile(share: number): number | null {
    if (this.count === 0) return null;
    if (share <= 0) return this.#sketch.min;
    return share >= 1 ? this.#sketch.max : this.#sketch.getValueAtQuantile(share);
  }

  mean(): number | null {
    return this.count === 0 ? null : this.#sketch.sum / this.count;
  }

  serialize(): SerializedQuantiles {
    const { count, min, max, sum } = this.#sketch;
    const sketch = Buffer.from(this.#sketch.toProto()).toString('base64');
    return count === 0 ? { sketch, count, min: 0, max: 0, sum: 0 } : { sketch, count, min, max, sum };
  }

  static deserialize(stored: SerializedQuantiles): QuantileSketch {
    const result = new QuantileSketch();
    if (stored.count === 0) return result;
    result.#sketch.merge(DDSketch.fromProto(Buffer.from(stored.sketch, 'base64')));
    result.#sketch.min = stored.min;
    result.#sketch.max = stored.max;
    result.#sketch.sum = stored.sum;
    return result;
  }

  /** A few hundred bytes for values of one quantity, at most 4 kB for a bounded sketch of positive values. */
  write(writer: ByteWriter): void {
    const { count, zeroCount, min, max, sum, store, negativeStore } = this.#sketch;
    writer.integer(count);
    if (count === 0) return;
    writer.integer(zeroCount);
    for (const each of [min, max, sum]) writer.double(each);
    for (const bins of [store, negativeStore]) writeBins(writer, bins);
  }

  #addBounded(value: number): void {
    const sketch = this.#sketch;
    const size = Math.abs(value);
    if (size <= sketch.mapping.minPossible) {
      sketch.accept(value);
      return;
    }
    const store = value > 0 ? sketch.store : sketch.negativeStore;
    store.add(Math.max(sketch.mapping.key(size), store.maxKey - BOUNDED_BINS + 1));
    collapse(store);
    sketch.count += 1;
    sketch.sum += value;
    if (value < sketch.min) sketch.min = value;
    if (value > sketch.max) sketch.max = value;
  }

  /** A bounded sketch. */
  static read(reader: ByteReader): QuantileSketch {
    const result = new QuantileSketch('bounded');
    const sketch = result.#sketch;
    sketch.count = reader.integer();
    if (sketch.count === 0) return result;
    sketch.zeroCount = reader.integer();
    sketch.min = reader.double();
    sketch.max = reader.double();
    sketch.sum = reader.double();
    for (const store of [sketch.store, sketch.negativeStore]) readBins(reader, (key, count) => store.add(key, count));
    return result;
  }
}

/**
 * Bins too far below the highest become one. The library's own collapsing stores give other counts when they are merged than
 * when they are filled; this one depends on the highest alone, so it is the same in any order.
 */
const collapse = (store: Bins): void => {
  const lowest = store.maxKey - BOUNDED_BINS + 1;
  if (store.count === 0 || store.minKey >= lowest) return;
  const [from, to] = [lowest - store.offset, store.maxKey - store.offset + 1];
  const kept = store.bins.slice(from, to);
  kept[0] = store.bins.slice(0, from + 1).reduce((sum, held) => sum + held, 0);
  store.bins = kept;
  store.offset = lowest;
  store.minKey = lowest;
};

/** Highest first, so that a bounded store reads them without collapsing; a bin beside the one before needs no key. */
const writeBins = (writer: ByteWriter, { bins, offset, minKey, maxKey, count }: Bins): void => {
  writer.integer(count);
  if (count === 0) return;
  writer.signed(maxKey);
  let before = maxKey + 1;
  for (let key = maxKey; key >= minKey; key -= 1) {
    const held = bins[key - offset] ?? 0;
    if (held === 0) continue;
    const skipped = before - key - 1;
    writer.integer(2 * held + (skipped > 0 ? 1 : 0));
    if (skipped > 0) writer.integer(skipped);
    before = key;
  }
};

const readBins = (reader: ByteReader, add: (key: number, count: number) => void): void => {
  let rest = reader.integer();
  if (rest === 0) return;
  let key = reader.signed() + 1;
  while (rest > 0) {
    const token = reader.integer();
    const held = Math.floor(token / 2);
    key -= 1 + (token % 2 === 1 ? reader.integer() : 0);
    add(key, held);
    rest -= held;
  }
};
