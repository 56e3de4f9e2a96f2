/** All engines of one process: made when first needed, shared by its models, and never the agent's downfall. */
import { ENGINE_KINDS, type EngineKind } from '../bundle/manifest.ts';
import type { Bundle } from '../bundle/read-bundle.ts';
import { FirstCome } from './child/first-come.ts';
import type { ChildEngineOptions } from './child/supervisor.ts';
import type { ProbeRecord } from './engine-choice.ts';
import type { InferenceEngine } from './inference-engine.port.ts';
import { createNativeEngine } from './native/native-engine.ts';
import { SupervisedModel, type EngineHost, type EngineState } from './supervised-model.ts';
import { createTfjsEngine } from './tfjs/tfjs-engine.ts';
import { createWasmEngine } from './wasm/wasm-engine.ts';

export type EngineFactory = (options: Partial<ChildEngineOptions>) => InferenceEngine;

export interface EngineSupervisorOptions {
  /** Probe outcomes hold for one version: another brings other runtimes. */
  readonly agentVersion: string;
  /** Told of every change of a model's state, in order. What it throws is dropped. */
  readonly onState?: (state: EngineState) => void;
  /** What earlier runs found, oldest first, and where to keep what this one finds. */
  readonly probes?: readonly ProbeRecord[];
  readonly onProbe?: (probe: ProbeRecord) => void;
  /** Engines this machine permits; all by default. */
  readonly allowed?: readonly EngineKind[];
  readonly engines?: Partial<Readonly<Record<EngineKind, EngineFactory>>>;
  /** Limits for every engine, e.g. `hardLimitMs`. */
  readonly limits?: Partial<ChildEngineOptions>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const FACTORIES: Readonly<Record<EngineKind, EngineFactory>> = {
  'native-child': createNativeEngine,
  'wasm-child': createWasmEngine,
  'tfjs-child': createTfjsEngine,
};

export class EngineSupervisor implements EngineHost {
  readonly allowed: readonly EngineKind[];
  readonly agentVersion: string;
  readonly #options: EngineSupervisorOptions;
  readonly #firstCome = new FirstCome();
  readonly #engines = new Map<EngineKind, InferenceEngine>();
  readonly #models = new Set<SupervisedModel>();
  #probes: readonly ProbeRecord[];

  constructor(options: EngineSupervisorOptions) {
    this.#options = options;
    this.allowed = options.allowed ?? ENGINE_KINDS;
    this.agentVersion = options.agentVersion;
    this.#probes = options.probes ?? [];
  }

  /** Never rejects: the state of the model says whether an engine was found. */
  async load(bundle: Bundle): Promise<SupervisedModel> {
    const model = new SupervisedModel(bundle, this);
    this.#models.add(model);
    await model.start();
    return model;
  }

  /** Closes every model and ends every process. Idempotent. */
  async close(): Promise<void> {
    const models = [...this.#models].map((model) => model.close());
    await Promise.all([...this.#engines.values()].map((engine) => engine.close()));
    await Promise.all(models);
    this.#engines.clear();
  }

  engine(kind: EngineKind): InferenceEngine {
    const existing = this.#engines.get(kind);
    if (existing !== undefined) return existing;
    const create = this.#options.engines?.[kind] ?? FACTORIES[kind];
    const engine = create({
      firstCome: this.#firstCome,
      ...this.#options.limits,
      onChild: (event) => {
        for (const model of this.#models)
          if (event.bundles.includes(model.bundle)) model.noteChild(kind, event.type === 'lost' ? event.reason : null);
      },
    });
    this.#engines.set(kind, engine);
    return engine;
  }

  probes(): readonly ProbeRecord[] {
    return this.#probes;
  }

  record(probe: ProbeRecord): void {
    const others = this.#probes.filter(
      ({ digest, engine, agentVersion }) =>
        digest !== probe.digest || engine !== probe.engine || agentVersion !== probe.agentVersion,
    );
    this.#probes = [...others, probe];
    this.#tell(() => this.#options.onProbe?.(probe));
  }

  now(): number {
    return this.#options.now?.() ?? Date.now();
  }

  report(state: EngineState): void {
    this.#tell(() => this.#options.onState?.(state));
  }

  forget(model: SupervisedModel): void {
    this.#models.delete(model);
  }

  /** An observer's fault is not the engine's. */
  #tell(notify: () => void): void {
    try {
      notify();
    } catch {
      return;
    }
  }
}
