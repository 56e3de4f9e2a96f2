/** One model on the engines of this device: features, inference, verdict by the thresholds in force, and what changes are worth telling. */
import {
  deviceCalibration,
  evaluateFeatureView,
  judgeOutputs,
  ModelMeter,
  modelInputs,
  windowedManifest,
  type Bundle,
  type BundleManifest,
  type EngineState,
  type FeatureVector,
  type ServedModel,
  type SupervisedModel,
} from '@shoal/models';
import type { DesiredFallback, ModelReference, Tensors } from '@shoal/protocol/wire';
import type { HealthBoard } from '../health/health-board.port.ts';
import type { EventRecorder } from '../outbox/event-recorder.port.ts';
import type { StateFile } from '../state-file.ts';
import type { AssembledWindow } from '../windows/assembled-window.port.ts';
import type { ModelAssignment } from './assigned-bundle.ts';
import { CalibrationNews } from './calibration-news.ts';
import type { CalibrationState } from './calibration-state.ts';
import { Calibration, type CalibrationReport } from './calibration.ts';
import { DriftMonitor, type DriftReport } from './drift-monitor.ts';
import { EngineNews } from './engine-news.ts';
import type { ModelSlotRunner, SlotState, SlotVerdict } from './model-slot-runner.port.ts';
import { namedOutputs } from './named-outputs.ts';
import { servedModel } from './served-model.ts';

export interface ModelSlotOptions {
  readonly assignment: ModelAssignment;
  readonly bundle: Bundle;
  /** Longest time one inference may take, waiting included. */
  readonly deadlineMs: number;
  readonly events: EventRecorder;
  readonly health: HealthBoard;
  /** Where the calibration of the model is kept. */
  readonly calibrationFile: StateFile<CalibrationState>;
  readonly now: () => number;
}

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
  /** Undefined when the fleet wishes nothing. */
  desiredFallback: DesiredFallback | undefined;
  readonly #options: ModelSlotOptions;
  readonly #calibration: Calibration | undefined;
  readonly #news: CalibrationNews;
  readonly #engineNews: EngineNews;
  readonly #drift: DriftMonitor;
  #engineState: EngineState | undefined;
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
    this.#calibration = this.#calibrationOf(options);
    this.#news = new CalibrationNews(this.model, options.events, options.health);
    this.#engineNews = new EngineNews(this.model, options.events, options.health);
    this.#drift = new DriftMonitor({
      model: this.model,
      reference: options.bundle.reference ?? undefined,
      isNormalised: deviceCalibration(manifest)?.method === 'device-normal',
      events: options.events,
    });
  }

  /** Takes up the calibration of an earlier process. */
  async start(): Promise<void> {
    await this.#calibration?.start();
    const normal = this.#calibration?.normal;
    if (normal !== undefined) this.#news.inForce(normal);
  }

  async stop(): Promise<void> {
    await this.#calibration?.stop();
  }

  /** Null for a model that needs none. */
  calibration(): CalibrationReport | null {
    return this.#calibration?.report() ?? null;
  }

  drift(): DriftReport {
    return this.#drift.report();
  }

  /** Finds the normal of the device anew; false for a model that needs none. */
  async calibrate(): Promise<boolean> {
    await this.#calibration?.restart();
    return this.#calibration !== undefined;
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

  /** Its engine side, for the slot that takes its place or to be closed; windows of this one wait then. */
  handOver(): SupervisedModel | undefined {
    const handle = this.#attached;
    this.detach();
    return handle;
  }

  /** What the fleet wishes of this model, as of the version before. */
  takeOver(before: ModelSlot): void {
    this.#enabled = before.#enabled;
    this.desiredFallback = before.desiredFallback;
    this.setThresholds(before.#thresholds);
  }

  /** Times that its engine was lost since it has one. */
  losses(): number {
    return this.#attached?.stats().losses ?? 0;
  }

  /** What the fleet wishes of the fallback of this model. */
  setFallback(desired: DesiredFallback | undefined): void {
    this.desiredFallback = desired;
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

  /** In force now: the bundle's, overridden by what the device found, overridden by the desired ones. */
  thresholds(): Readonly<Record<string, number>> {
    const rule = this.bundle.manifest.postProcessing;
    const declared = rule.kind === 'none' ? [] : Object.entries(rule.thresholds);
    return {
      ...Object.fromEntries(declared.map(([name, threshold]) => [name, threshold.default])),
      ...this.#ownThresholds(),
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

  /** Waits only for what is not there yet: the request leaves for the engine before any other work of this thread gets its turn. */
  async infer(window: AssembledWindow): Promise<SlotVerdict> {
    if (this.#attached === undefined) await this.attached();
    const fed = this.#feed(window);
    return this.run(fed instanceof Promise ? await fed : fed, this.#options);
  }

  /** Resolves when there is an engine side, ready or given up. */
  async attached(): Promise<void> {
    await this.#handle.promise;
  }

  /** What the model is fed of a window; each window once and in order, for the device learns from it. */
  async prepare(window: AssembledWindow): Promise<FeatureVector> {
    return this.#feed(window);
  }

  #feed(window: AssembledWindow): FeatureVector | Promise<FeatureVector> {
    const vector = evaluateFeatureView(windowedManifest(this.bundle.manifest).featureView, window);
    return this.#calibration?.take(window, vector) ?? vector;
  }

  /** The verdict of this device on a vector of `prepare`. Throws ModelError. */
  async run(
    fed: FeatureVector,
    options: { readonly deadlineMs: number; readonly signal?: AbortSignal },
  ): Promise<SlotVerdict> {
    const { manifest } = this.bundle;
    const { deadlineMs, signal } = options;
    const handle = this.#attached ?? (await this.#handle.promise);
    const { outputs, elapsedMs } = await this.served.meter.measure(1, () =>
      handle.infer(modelInputs(manifest, [fed]), { deadlineMs, ...(signal !== undefined && { signal }) }),
    );
    const { engine, reason } = handle.state();
    const { outputs: named, ...judged } = this.judge(outputs);
    // Who waits for the answer does not wait for what is counted of it.
    if (this.#calibration === undefined || this.#calibration.normal !== undefined)
      setImmediate(() => this.#drift.take(fed, named));
    const why = [this.#calibrating(), reason?.message].filter((part) => part !== undefined).join(' ');
    const answer = { outputs: named, ...judged, engine, latencyMs: elapsedMs };
    return why === '' ? answer : { ...answer, degradedReason: why.slice(0, 256) };
  }

  /** What outputs of this model, or of another in the same unit, mean under the thresholds in force. Throws ModelError OUTPUT_MISMATCH. */
  judge(outputs: Tensors): Pick<SlotVerdict, 'outputs' | 'label' | 'threshold' | 'exceeded' | 'confidence'> {
    const { manifest } = this.bundle;
    const [verdict = UNJUDGED] = judgeOutputs(manifest, outputs, this.#ownThresholds());
    const { label, threshold, exceeded, confidence } = this.isUncalibrated()
      ? { ...verdict, ...this.#quiet() }
      : verdict;
    const judged = { label, threshold, exceeded, ...(confidence !== undefined && { confidence }) };
    return { outputs: namedOutputs(manifest, outputs), ...judged };
  }

  /** Takes in what the engines say of this model, and tells it on. */
  onEngineState(state: EngineState): void {
    const before = this.#engineState;
    this.#engineState = state;
    this.#engineNews.changed(state, before);
  }

  /** Neither the device nor the fleet has said yet what is too much. */
  isUncalibrated(): boolean {
    const rule = this.bundle.manifest.postProcessing;
    const isCollecting = this.#calibration !== undefined && this.#calibration.normal === undefined;
    return isCollecting && rule.kind === 'score' && this.#thresholds[rule.decisionThreshold] === undefined;
  }

  #ownThresholds(): Readonly<Record<string, number>> {
    const rule = this.bundle.manifest.postProcessing;
    const found = this.#calibration?.normal;
    return rule.kind === 'none' || found === undefined
      ? this.#thresholds
      : { [rule.decisionThreshold]: found.threshold, ...this.#thresholds };
  }

  /** A device that does not know its normal yet raises no alarm. */
  #quiet(): Pick<SlotVerdict, 'label' | 'threshold' | 'exceeded'> {
    const rule = this.bundle.manifest.postProcessing;
    return { label: rule.kind === 'score' ? rule.labels[0] : undefined, threshold: Infinity, exceeded: false };
  }

  #calibrating(): string | undefined {
    const report = this.#calibration?.report();
    return report?.state === 'collecting' ? `Calibrating: ${report.windows} windows so far.` : undefined;
  }

  #calibrationOf(options: ModelSlotOptions): Calibration | undefined {
    const { bundle, assignment, calibrationFile, now, deadlineMs } = options;
    const { manifest, digest } = bundle;
    const rule = deviceCalibration(manifest);
    if (rule === undefined || manifest.postProcessing.kind !== 'score') return undefined;
    const { thresholds, decisionThreshold } = manifest.postProcessing;
    return new Calibration({
      rule,
      digest,
      samples: assignment.calibrationSamples,
      floor: thresholds[decisionThreshold]?.default ?? 0,
      file: calibrationFile,
      now,
      scores: async (vectors: readonly FeatureVector[]) => {
        const handle = await this.#handle.promise;
        const { outputs } = await handle.infer(modelInputs(manifest, vectors), { deadlineMs });
        return judgeOutputs(manifest, outputs).map(({ score }) => score);
      },
      onFound: (normal) => {
        this.#drift.clear();
        this.#news.found(normal);
      },
      onSaved: (failure) => this.#news.saved(failure),
    });
  }
}
