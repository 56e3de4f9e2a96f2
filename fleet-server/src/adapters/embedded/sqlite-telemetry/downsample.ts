/**
 * Min/max-preserving downsampling: every bucket of time keeps its lowest and its highest value where they occurred, so a
 * spike of one sample survives any zoom.
 */

export type Point = [at: number, value: number];

interface Bucket {
  low: Point;
  high: Point;
}

/** One channel over `[from, to)`; holds at most `points` points, whatever it is given. */
export class ChannelSeries {
  readonly #from: number;
  readonly #span: number;
  readonly #points: number;
  #raw: Point[] | undefined = [];
  #buckets: (Bucket | undefined)[] = [];

  constructor(from: number, to: number, points: number) {
    this.#from = from;
    this.#span = Math.max(1, to - from);
    this.#points = points;
  }

  get isDownsampled(): boolean {
    return this.#raw === undefined;
  }

  /** In any order of time. */
  add(at: number, value: number): void {
    if (this.#raw === undefined) {
      this.#drop([at, value]);
      return;
    }
    this.#raw.push([at, value]);
    if (this.#raw.length <= this.#points) return;
    const raw = this.#raw;
    this.#raw = undefined;
    for (const point of raw) this.#drop(point);
  }

  /** In order of time. */
  toPoints(): Point[] {
    const points = this.#raw ?? this.#buckets.flatMap((bucket) => (bucket === undefined ? [] : extremes(bucket)));
    return points.toSorted((a, b) => a[0] - b[0]);
  }

  #drop(point: Point): void {
    const count = Math.max(1, Math.floor(this.#points / 2));
    const index = Math.min(count - 1, Math.floor(((point[0] - this.#from) / this.#span) * count));
    const bucket = this.#buckets[index];
    if (bucket === undefined) {
      this.#buckets[index] = { low: point, high: point };
      return;
    }
    if (point[1] < bucket.low[1]) bucket.low = point;
    if (point[1] > bucket.high[1]) bucket.high = point;
  }
}

const extremes = ({ low, high }: Bucket): Point[] => (low === high ? [low] : [low, high]);
