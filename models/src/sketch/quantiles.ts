/** Quantiles of a stream in little memory with a relative error of 1 % (DDSketch, Masson, Rim and Lee, VLDB 2019). */
import sketches from '@datadog/sketches-js';

const RELATIVE_ACCURACY = 0.01;
const { DDSketch } = sketches;

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

  get count(): number {
    return this.#sketch.count;
  }

  /** A value that is not finite is ignored; negative zero is zero. */
  add(value: number): void {
    if (Number.isFinite(value)) this.#sketch.accept(value + 0);
  }

  merge(other: QuantileSketch): void {
    const [mine, theirs] = [this.#sketch, other.#sketch];
    const negatives = mine.negativeStore.count + theirs.negativeStore.count;
    mine.merge(theirs);
    // sketches-js 2.1.1 forgets the negative values of the other side unless this one is empty.
    if (mine.negativeStore.count < negatives) mine.negativeStore.merge(theirs.negativeStore);
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
}
