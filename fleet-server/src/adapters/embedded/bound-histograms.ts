/** A histogram whose labels are looked up once and not with every value, as a metric of prom-client's registry. */
import type { Histogram, Registry } from 'prom-client';
import type { BoundHistogram, MetricLabels } from '../../ports/metrics.ts';

/** As prom-client's registry asks for them. */
interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

class Series implements BoundHistogram {
  readonly labels: MetricLabels;
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(labels: MetricLabels, bounds: readonly number[]) {
    this.labels = labels;
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count += 1;
    for (let index = 0; index < this.#bounds.length; index += 1)
      if (value <= (this.#bounds[index] as number)) {
        this.#counts[index] = (this.#counts[index] as number) + 1;
        return;
      }
  }

  /** Cumulative; none before the first value. */
  samples(name: string): Sample[] {
    if (this.#count === 0) return [];
    const { labels } = this;
    let below = 0;
    const buckets = this.#bounds.map((bound, index): Sample => {
      below += this.#counts[index] as number;
      return { metricName: `${name}_bucket`, labels: { le: bound, ...labels }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: this.#count },
      { metricName: `${name}_sum`, labels, value: this.#sum },
      { metricName: `${name}_count`, labels, value: this.#count },
    ];
  }
}

export class BoundHistograms {
  readonly name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series>();

  /** `bounds` ascending. */
  constructor({
    name,
    help,
    bounds,
  }: {
    readonly name: string;
    readonly help: string;
    readonly bounds: readonly number[];
  }) {
    this.name = name;
    this.#help = help;
    this.#bounds = bounds;
  }

  register(registry: Registry): void {
    registry.registerMetric(this as unknown as Histogram);
  }

  of(labels: MetricLabels): BoundHistogram {
    const key = JSON.stringify(Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1)));
    const series = this.#series.get(key) ?? new Series(labels, this.#bounds);
    this.#series.set(key, series);
    return series;
  }

  /** For the registry. */
  async get(): Promise<object> {
    const values = [...this.#series.values()].flatMap((series) => series.samples(this.name));
    return { name: this.name, help: this.#help, type: 'histogram', aggregator: 'sum', values };
  }

  /** For the registry. */
  reset(): void {
    this.#series.clear();
  }
}
