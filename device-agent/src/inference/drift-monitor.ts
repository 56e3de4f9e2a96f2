/** Watches whether what a model is fed and what it answers still looks like the bundle's reference, and tells when it no longer does. */
import { DriftWindow, QuantileSketch, type FeatureVector, type Reference } from '@shoal/models';
import type { ModelReference } from '@shoal/protocol/wire';
import type { EventRecorder } from '../outbox/event-recorder.port.ts';

/** An hour at a hop of ten seconds. */
const PLAN = { rows: 360, minimumRows: 360 };
/** Half a tolerance is no change. */
const LEAST_DEVIATION = 0.5;
/** By custom of the index: above a quarter a distribution has shifted, below a tenth it is stable. */
const DRIFTED_ABOVE = 0.25;
const STABLE_BELOW = 0.1;
const MAX_NAMED = 8;

export interface DriftMonitorOptions {
  readonly model: ModelReference;
  /** Absent in a bundle that has none: nothing is watched. */
  readonly reference: Reference | undefined;
  /** Whether the model is fed with deviations in tolerances. */
  readonly isNormalised: boolean;
  readonly events: EventRecorder;
}

export interface DriftReport {
  readonly state: 'none' | 'gathering' | 'stable' | 'drifted';
  /** Inputs and outputs that left their reference, worst first. */
  readonly moved: readonly string[];
  /** Population stability index of each. */
  readonly indices: Readonly<Record<string, number>>;
}

const NOT_WATCHED: DriftReport = { state: 'none', moved: [], indices: {} };

/** Names of outputs and features may be the same. */
const outputKey = (name: string): string => `output ${name}`;

const sketchesOf = ({ features, outputs }: Reference): Record<string, QuantileSketch> =>
  Object.fromEntries([
    ...Object.entries(features).map(([name, stored]) => [name, QuantileSketch.deserialize(stored)]),
    ...Object.entries(outputs).map(([name, stored]) => [outputKey(name), QuantileSketch.deserialize(stored)]),
  ]);

/** A quantity that has moved stays so until it is well back: an index at the border makes no two events. */
export const movedQuantities = (
  before: readonly string[],
  indices: Readonly<Record<string, number>>,
): readonly string[] =>
  Object.entries(indices)
    .filter(([name, index]) => index > (before.includes(name) ? STABLE_BELOW : DRIFTED_ABOVE))
    .sort(([, a], [, b]) => b - a)
    .map(([name]) => name);

export class DriftMonitor {
  readonly #options: DriftMonitorOptions;
  readonly #window: DriftWindow | undefined;
  #moved: readonly string[] = [];

  constructor(options: DriftMonitorOptions) {
    this.#options = options;
    const leastRange = options.isNormalised ? LEAST_DEVIATION : 0;
    this.#window = options.reference && new DriftWindow(sketchesOf(options.reference), { ...PLAN, leastRange });
  }

  /** One inference: what the model was fed with, and what it answered. */
  take({ names, values }: FeatureVector, outputs: Readonly<Record<string, number>>): void {
    if (this.#window === undefined) return;
    this.#window.add(
      Object.fromEntries([
        ...names.map((name, i) => [name, values[i] ?? 0]),
        ...Object.entries(outputs).map(([name, value]) => [outputKey(name), value]),
      ]),
    );
    const indices = this.#window.indices();
    if (indices === undefined) return;
    const moved = movedQuantities(this.#moved, indices);
    const fresh = moved.filter((name) => !this.#moved.includes(name));
    if (fresh.length > 0) this.#tell(fresh, indices);
    this.#moved = moved;
  }

  /** Begins anew: what is fed has another meaning from now on. */
  clear(): void {
    this.#window?.clear();
    this.#moved = [];
  }

  report(): DriftReport {
    if (this.#window === undefined) return NOT_WATCHED;
    const indices = this.#window.indices();
    if (indices === undefined) return { state: 'gathering', moved: [], indices: {} };
    return { state: this.#moved.length > 0 ? 'drifted' : 'stable', moved: this.#moved, indices };
  }

  #tell(fresh: readonly string[], indices: Readonly<Record<string, number>>): void {
    const { model, events } = this.#options;
    const named = fresh.slice(0, MAX_NAMED).map((name) => `${name} (${(indices[name] ?? 0).toFixed(2)})`);
    const message = `${model.name} no longer sees what it was made for; population stability index: ${named.join(', ')}.`;
    const worst = fresh[0] ?? '';
    const facts = { model: model.name, version: model.version, quantity: worst, index: indices[worst] ?? 0 };
    events.record('drift.detected', 'warning', message, { ...facts, quantities: fresh.length });
  }
}
