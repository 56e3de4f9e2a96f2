/** Counters, gauges and histograms by name; Prometheus conventions, base units, no device ids as labels. */
export type MetricLabels = Readonly<Record<string, string>>;

/** With its name and labels looked up already: for what happens thousands of times a second. */
export interface BoundCounter {
  add(by: number): void;
}

export interface BoundHistogram {
  /** Seconds or bytes; finite. */
  observe(value: number): void;
}

export abstract class Metrics {
  /** Names end in `_total`; declared on first use in `metrics-catalogue.ts` of the adapter. */
  abstract count(name: string, by?: number, labels?: MetricLabels): void;
  abstract gauge(name: string, value: number, labels?: MetricLabels): void;
  /** Seconds or bytes. */
  abstract observe(name: string, value: number, labels?: MetricLabels): void;
  /** As `count`; shows nothing until something is added. */
  abstract counter(name: string, labels: MetricLabels): BoundCounter;
  /** As `observe`, which is not used for the same name. */
  abstract histogram(name: string, labels: MetricLabels): BoundHistogram;
  /** For gauges that are read when somebody looks: called before each `expose`. */
  abstract beforeExpose(read: () => void): void;
  /** Prometheus text format. */
  abstract expose(): Promise<string>;
}
