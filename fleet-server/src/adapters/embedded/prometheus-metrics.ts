/** The Metrics port on prom-client: one registry per server, Node's own metrics, and the event-loop delay. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { Metrics, type BoundCounter, type BoundHistogram, type MetricLabels } from '../../ports/metrics.ts';
import { BoundHistograms } from './bound-histograms.ts';
import { DEFAULT_BUCKETS, HISTOGRAM_BUCKETS, METRIC_HELP } from './metrics-catalogue.ts';

const PREFIX = 'shoal_';
const NONE: MetricLabels = Object.freeze({});
const NANOSECONDS = 1e9;
const LOOP_SAMPLE_MS = 10;

export class PrometheusMetrics extends Metrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #added = new Map<string, BoundCounter>();
  readonly #bound = new Map<string, BoundHistograms>();
  readonly #readers: (() => void)[] = [];
  readonly #loopDelay = monitorEventLoopDelay({ resolution: LOOP_SAMPLE_MS });

  start(): void {
    collectDefaultMetrics({ register: this.#registry, prefix: PREFIX });
    this.#loopDelay.enable();
  }

  stop(): void {
    this.#loopDelay.disable();
    this.#registry.clear();
  }

  override count(name: string, by = 1, labels: MetricLabels = NONE): void {
    const counter = this.#counters.get(name) ?? this.#declare(this.#counters, name, labels, Counter);
    counter.inc(labels, by);
  }

  override gauge(name: string, value: number, labels: MetricLabels = NONE): void {
    const gauge = this.#gauges.get(name) ?? this.#declare(this.#gauges, name, labels, Gauge);
    gauge.set(labels, value);
  }

  override observe(name: string, value: number, labels: MetricLabels = NONE): void {
    const histogram = this.#histograms.get(name) ?? this.#declare(this.#histograms, name, labels, Histogram);
    histogram.observe(labels, value);
  }

  /** What was added reaches the registry when somebody looks. */
  override counter(name: string, labels: MetricLabels): BoundCounter {
    const key = JSON.stringify([name, labels]);
    const known = this.#added.get(key);
    if (known !== undefined) return known;
    let pending = 0;
    this.beforeExpose(() => {
      if (pending > 0) this.count(name, pending, labels);
      pending = 0;
    });
    const counter: BoundCounter = { add: (by) => void (pending += by) };
    this.#added.set(key, counter);
    return counter;
  }

  override histogram(name: string, labels: MetricLabels): BoundHistogram {
    const family = this.#bound.get(name) ?? this.#declareBound(name);
    return family.of(labels);
  }

  override beforeExpose(read: () => void): void {
    this.#readers.push(read);
  }

  override async expose(): Promise<string> {
    for (const read of this.#readers) read();
    this.gauge('event_loop_delay_p99_seconds', delaySeconds(this.#loopDelay.percentile(99)));
    this.gauge('event_loop_delay_max_seconds', delaySeconds(this.#loopDelay.max));
    this.#loopDelay.reset();
    return this.#registry.metrics();
  }

  #declareBound(name: string): BoundHistograms {
    const bounds = HISTOGRAM_BUCKETS[name] ?? DEFAULT_BUCKETS;
    const family = new BoundHistograms({ name: PREFIX + name, help: helpOf(name), bounds });
    family.register(this.#registry);
    this.#bound.set(name, family);
    return family;
  }

  #declare<T>(family: Map<string, T>, name: string, labels: MetricLabels, Kind: MetricKind<T>): T {
    const metric = new Kind({
      name: PREFIX + name,
      help: helpOf(name),
      labelNames: Object.keys(labels),
      registers: [this.#registry],
      ...(Kind === (Histogram as unknown) ? { buckets: [...(HISTOGRAM_BUCKETS[name] ?? DEFAULT_BUCKETS)] } : {}),
    });
    family.set(name, metric);
    return metric;
  }
}

const helpOf = (name: string): string => METRIC_HELP[name] ?? name.replaceAll('_', ' ');

/** The histogram holds the time between two samples, which is the sampling interval when nothing is late. */
const delaySeconds = (nanoseconds: number): number => Math.max(0, nanoseconds / NANOSECONDS - LOOP_SAMPLE_MS / 1_000);

type MetricKind<T> = new (configuration: {
  name: string;
  help: string;
  labelNames: string[];
  registers: Registry[];
  buckets?: number[];
}) => T;
