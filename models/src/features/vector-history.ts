/** The last vectors of one device as one row, for models that look further back than a window. */

export interface TimedVector {
  /** Of its window; milliseconds of event time. */
  readonly startAt: number;
  readonly values: Float32Array;
}

export class VectorHistory {
  readonly #length: number;
  readonly #longestGapMs: number;
  #vectors: TimedVector[] = [];

  /** A vector whose window starts more than `longestGapMs` after the one before, or not after it, begins anew. */
  constructor(length: number, longestGapMs: number) {
    this.#length = length;
    this.#longestGapMs = longestGapMs;
  }

  add(vector: TimedVector): void {
    const stepMs = vector.startAt - (this.#vectors.at(-1)?.startAt ?? vector.startAt - 1);
    const isNext = stepMs > 0 && stepMs <= this.#longestGapMs;
    this.#vectors = [...(isNext || this.#vectors.length === 0 ? this.#vectors : []), vector].slice(-this.#length);
  }

  clear(): void {
    this.#vectors = [];
  }

  /** Oldest first; the oldest known stands for those before it. Empty before the first vector. */
  row(): Float32Array {
    const [oldest] = this.#vectors;
    if (oldest === undefined) return new Float32Array(0);
    const missing = Array.from({ length: this.#length - this.#vectors.length }, () => oldest);
    return Float32Array.from([...missing, ...this.#vectors].flatMap(({ values }) => [...values]));
  }
}
