/** What was measured of inferences, by model version, hardware class and place, in bounded memory. */
import { QuantileSketch } from '@shoal/models';
import type { MeasuredProfile, Prediction } from '@shoal/protocol';

type Measured = MeasuredProfile['inference'][number];
type Key = Omit<Measured, 'latencyMs'>;

interface Entry {
  readonly key: Key;
  readonly sketch: QuantileSketch;
}

const PLACES: Partial<Readonly<Record<Prediction['source'], Measured['ranAt']>>> = { edge: 'edge', cloud: 'cloud' };

/** Null for an empty sketch. */
export const spreadOf = (sketch: QuantileSketch): Measured['latencyMs'] | null => {
  const [p50, p95] = [sketch.quantile(0.5), sketch.quantile(0.95)];
  return p50 === null || p95 === null ? null : { p50, p95, samples: sketch.count };
};

export class LatencyProfile {
  readonly #entries = new Map<string, Entry>();
  readonly #maxEntries: number;

  /** With more, the one that was not fed for longest is forgotten. */
  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  /** Predictions that did not run anywhere, or do not say how long they took, tell nothing. */
  add({ model, source, latencyMs }: Prediction, hardwareClass: string): void {
    const ranAt = PLACES[source];
    if (ranAt === undefined || latencyMs === undefined) return;
    const key: Key = { model: model.name, version: model.version, hardwareClass, ranAt };
    const id = JSON.stringify(key);
    const entry = this.#entries.get(id) ?? { key, sketch: new QuantileSketch() };
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    entry.sketch.add(latencyMs);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#maxEntries && oldest !== undefined) this.#entries.delete(oldest);
  }

  /** Most samples first. */
  read(): Measured[] {
    return [...this.#entries.values()]
      .flatMap(({ key, sketch }) => {
        const latencyMs = spreadOf(sketch);
        return latencyMs === null ? [] : [{ ...key, latencyMs }];
      })
      .toSorted((a, b) => b.latencyMs.samples - a.latencyMs.samples);
  }
}

/** The worst p95 of those that match: a pattern must hold for every device it is chosen for. Null when nothing matches. */
export const worstP95 = (measured: readonly { readonly latencyMs: { readonly p95: number } }[]): number | null =>
  measured.length === 0 ? null : Math.max(...measured.map(({ latencyMs }) => latencyMs.p95));
