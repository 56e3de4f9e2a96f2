/** Counters, gauges and histograms by name; Prometheus conventions, base units, no device ids as labels. */
export type MetricLabels = Readonly<Record<string, string>>;

export abstract class Metrics {
  /** Names end in `_total`; declared on first use in `metrics-catalogue.ts` of the adapter. */
  abstract count(name: string, by?: number, labels?: MetricLabels): void;
  abstract gauge(name: string, value: number, labels?: MetricLabels): void;
  /** Seconds or bytes. */
  abstract observe(name: string, value: number, labels?: MetricLabels): void;
  /** For gauges that are read when somebody looks: called before each `expose`. */
  abstract beforeExpose(read: () => void): void;
  /** Prometheus text format. */
  abstract expose(): Promise<string>;
}
