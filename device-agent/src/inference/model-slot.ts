/** One model on the engines of this device: features, inference, verdict by the thresholds in force, and what changes are worth telling. */
import {
  evaluateFeatureView,
  judgeOutputs,
  ModelMeter,
  modelInputs,
  windowedManifest,
  type Bundle,
  type BundleManifest,
  type EngineState,
  type ServedModel,
  type SupervisedModel,
} from '@shoal/models';
import type { ModelReference, Tensors } from '@shoal/protocol';
import type { HealthBoard } from '../health/health-board.port.ts';
import type { EventRecorder } from '../outbox/event-recorder.port.ts';
import type { AssembledWindow } from '../windows/assembled-window.port.ts';
import type { ModelAssignment } from './assigned-bundle.ts';
import { servedModel } from './served-model.ts';
import type { ModelSlotRunner, SlotState, SlotVerdict } from './model-slot-runner.port.ts';

export interface ModelSlotOptions {
  readonly assignment: ModelAssignment;
  readonly bundle: Bundle;
  /** Longest time one inference may take, waiting included. */
  readonly deadlineMs: number;
  readonly events: EventRecorder;
  readonly health: HealthBoard;
}

type Named = readonly (readonly [name: string, value: number])[];

/** A model of classes answers with a probability by label, every other output with its value when it has one only. */
const namesOf = (rule: BundleManifest['postProcessing'], outputs: Tensors): Named =>
  Object.entries(outputs).flatMap(([name, { data }]): Named => {
    if (rule.kind === 'classes' && name === rule.probabilitiesOutput)
      return rule.labels.map((label, i) => [label, Number(data[i])]);
    return data.length === 1 ? [[name, Number(data[0])]] : [];
  });

/** What a prediction carries of the outputs; values that are not finite are left out. */
const namedOutputs = ({ postProcessing }: BundleManifest, outputs: Tensors): Record<string, number> =>
  Object.fromEntries(
    namesOf(postProcessing, outputs)
      .filter(([, value]) => Number.isFinite(value))
      .map(([name, value]) => [name.slice(0, 64), value]),
  );

/** What a fleet may call the threshold that decides, its own name first. */
const decisionNames = (rule: BundleManifest['postProcessing']): readonly string[] => {
  if (rule.kind === 'none') return [];
  if (rule.kind === 'classes') return [rule.decisionThreshold, rule.probabilitiesOutput];
  return [rule.decisionThreshold, rule.scoreOutput, rule.labels[1]];
};

/** Of a model whose outputs are the answer. */
const UNJUDGED = { label: undefined, threshold: Infinity, exceeded: false, confidence: undefined };

export class ModelSlot implements ModelSlotRunner {
  readonly model: ModelReference;
  /** The same model as requests of others see it, through the same queue. */
  readonly served: ServedModel;
  readonly #options: ModelSlotOptions;
  #engineState: EngineState | undefined;
  #lastEngine: string | null = null;
  #handle = Promise.withResolvers<SupervisedModel>();
  #attached: SupervisedModel | undefined;
  #enabled = true;
  #thresholds: Readonly<Record<string, number>> = {};

  constructor(options: ModelSlotOptions) {
    const { manifest, digest } = options.bundle;
    this.model = { name: manifest.name, version: manifest.version, digest };
    this.#options = options;
    this.served = servedModel({
      manifest,
      meter: new ModelMeter(),
      handle: () => (this.#enabled ? this.#attached : undefined),
      state: () => this.state(),
    });
  }

  get assignment(): ModelAssignment {
    return this.#options.assignment;
  }

  get bundle(): Bundle {
    return this.#options.bundle;
  }

  /** The engine side, once loaded; windows wait for it. */
  attach(handle: SupervisedModel): void {
    this.#attached = handle;
    this.#handle.resolve(handle);
  }

  /** Windows wait from now on until `attach`. */
  detach(): void {
    if (this.#attached === undefined) return;
    this.#attached = undefined;
    this.#handle = Promise.withResolvers<SupervisedModel>();
  }

  setEnabled(enabled: boolean): void {
    this.#enabled = enabled;
  }

  /** Replaces what the bundle says, by output or threshold name; an empty record gives the bundle's own back. */
  setThresholds(thresholds: Readonly<Record<string, number>>): void {
    const rule = this.bundle.manifest.postProcessing;
    const names = decisionNames(rule);
    const decision = names.map((name) => thresholds[name]).find((value) => value !== undefined);
    const isJudged = rule.kind !== 'none' && decision !== undefined;
    this.#thresholds = isJudged ? { ...thresholds, [rule.decisionThreshold]: decision } : thresholds;
  }

  /** In force now: the bundle's, overridden by the desired ones. */
  thresholds(): Readonly<Record<string, number>> {
    const rule = this.bundle.manifest.postProcessing;
    const declared = rule.kind === 'none' ? [] : Object.entries(rule.thresholds);
    return {
      ...Object.fromEntries(declared.map(([name, threshold]) => [name, threshold.default])),
      ...this.#thresholds,
    };
  }

  /** Resident bytes of the engine's process, when known. */
  residentBytes(): number | null {
    return this.#attached?.stats().residentBytes ?? null;
  }

  state(): SlotState {
    const { status, engine, reason } = this.#engineState ?? { status: 'starting', engine: null, reason: null };
    const words = { starting: 'loading', restarting: 'loading', ready: 'ready', unavailable: 'unavailable' } as const;
    return { status: this.#enabled ? words[status] : 'disabled', engine, reason: reason?.message ?? null };
  }

  async infer(window: AssembledWindow): Promise<SlotVerdict> {
    const { bundle, deadlineMs } = this.#options;
    const handle = await this.#handle.promise;
    const manifest = windowedManifest(bundle.manifest);
    const vector = evaluateFeatureView(manifest.featureView, window);
    const { outputs, elapsedMs } = await this.served.meter.measure(1, () =>
      handle.infer(modelInputs(manifest, [vector]), { deadlineMs }),
    );
    const [verdict = UNJUDGED] = judgeOutputs(manifest, outputs, this.#thresholds);
    const { engine, reason } = handle.state();
    const { label, threshold, exceeded, confidence } = verdict;
    const judged = { label, threshold, exceeded, ...(confidence !== undefined && { confidence }) };
    const answer = { outputs: namedOutputs(manifest, outputs), ...judged, engine, latencyMs: elapsedMs };
    return reason === null ? answer : { ...answer, degradedReason: reason.message.slice(0, 256) };
  }

  /** Takes in what the engines say of this model, and tells it on. */
  onEngineState(state: EngineState): void {
    const before = this.#engineState;
    this.#engineState = state;
    const { name, version } = this.model;
    const facts = { model: name, version, engine: state.engine, code: state.reason?.code ?? null };
    const why = state.reason?.message ?? '';
    if (state.status === 'restarting') {
      this.#options.events.record(
        'engine.failed',
        'error',
        `${state.engine} failed while it ran ${name}: ${why}`,
        facts,
      );
    }
    if (state.status === 'ready') this.#onReady(state, facts, why);
    if (state.status === 'unavailable' && before?.status !== 'unavailable') {
      const message = `No engine runs ${name} ${version}; readings are sent without predictions. ${why}`;
      this.#options.events.record('model.unavailable', 'error', message, facts);
      this.#options.health.raise('MODEL_UNAVAILABLE', name, message);
    }
  }

  #onReady(state: EngineState, facts: Record<string, string | null>, why: string): void {
    const { events, health } = this.#options;
    const { name, version } = this.model;
    const from = this.#lastEngine;
    this.#lastEngine = state.engine;
    health.clear('MODEL_UNAVAILABLE', name);
    if (state.reason === null) health.clear('ENGINE_FALLEN_OVER', name);
    else health.raise('ENGINE_FALLEN_OVER', name, `${state.engine} serves ${name} in place of a better engine: ${why}`);
    if (from === null) events.record('model.activated', 'info', `${name} ${version} serves on ${state.engine}.`, facts);
    const fellOver = from === null ? state.reason !== null : from !== state.engine;
    if (!fellOver) return;
    const severity = state.reason === null ? 'info' : 'warning';
    events.record('engine.changed', severity, `${state.engine} serves ${name} ${version}. ${why}`.trim(), {
      ...facts,
      from,
    });
  }
}
