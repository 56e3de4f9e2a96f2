/** An engine in child processes: models that have shown themselves share one, and one that misbehaves is left alone in its own. */
import type { Tensors } from '@shoal/protocol';
import { checkGolden } from '../../bundle/golden.ts';
import type { EngineKind } from '../../bundle/manifest.ts';
import type { Bundle } from '../../bundle/read-bundle.ts';
import { asModelError, ModelError } from '../../errors.ts';
import { checkSignature } from '../check-tensors.ts';
import type { InferenceEngine, InferResult, ModelHandle, ModelStats } from '../inference-engine.port.ts';
import { splitRows } from '../rows.ts';
import { loadInto, runIn } from './child-calls.ts';
import { ChildModel, type ModelHost } from './child-model.ts';
import type { ChildEvent, SlotOptions } from './child-slot.ts';
import type { EngineChild } from './engine-child.ts';
import { Lane, type Job } from './lane.ts';
import { PendingRequest } from './pending-request.ts';
import { runProbation } from './probation.ts';
import { runWithRetry } from './retry-and-blame.ts';
import { afterAnswer, type Standing } from './trial.ts';
import { killAfterMs } from './watchdog.ts';

/** With the bundles whose process it is about. */
export type EngineEvent = ChildEvent & { readonly bundles: readonly Bundle[] };

export interface ChildEngineOptions extends Omit<SlotOptions, 'onChild'> {
  readonly kind: EngineKind;
  /** Milliseconds a run may take at most; a longer one costs the process its life. */
  readonly hardLimitMs: number;
  /** Milliseconds a model may take to load. */
  readonly loadLimitMs: number;
  /** Milliseconds for which a run may keep the requests of other models waiting before they get another process. */
  readonly patienceMs: number;
  readonly maxQueued: number;
  readonly maxRequestBytes: number;
  readonly onChild: (event: EngineEvent) => void;
}

const CONTROL_PRIORITY = Number.MAX_SAFE_INTEGER;

export class ChildEngine implements InferenceEngine, ModelHost {
  readonly kind: EngineKind;
  readonly maxRequestBytes: number;
  readonly #options: ChildEngineOptions;
  readonly #closing = new AbortController();
  readonly #models = new Set<ChildModel>();
  /** Of models on trial, and of those that were found to cost others something. */
  readonly #own = new Map<ChildModel, { readonly lane: Lane; readonly standing: Standing }>();
  /** Where each model is loaded and checked, as long as nobody comes or goes: nothing is to be looked up for the next request. */
  readonly #places = new Map<ChildModel, EngineChild>();
  #shared: Lane;
  #probing: Promise<unknown> = Promise.resolve();

  constructor(options: ChildEngineOptions) {
    this.kind = options.kind;
    this.maxRequestBytes = options.maxRequestBytes;
    this.#options = options;
    this.#shared = this.#createLane();
  }

  async probe(bundle: Bundle): Promise<void> {
    const run = async (): Promise<void> => {
      this.#refuseClosed();
      await runProbation(bundle, { ...this.#options, signal: this.#closing.signal });
    };
    const probation = this.#probing.then(run);
    this.#probing = probation.catch(() => undefined);
    return probation;
  }

  async load(bundle: Bundle, { onTrial = false } = {}): Promise<ModelHandle> {
    this.#refuseClosed();
    const model = new ChildModel(bundle, this);
    this.#models.add(model);
    this.#places.clear();
    if (onTrial) this.#own.set(model, { lane: this.#createLane(), standing: { kind: 'trial', answers: 0 } });
    try {
      await this.#schedule(model, CONTROL_PRIORITY, () => this.#ensureLoaded(model));
      return model;
    } catch (error) {
      await model.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const closed = new ModelError('ENGINE_CLOSED', 'The engine is closed');
    for (const lane of this.#lanes()) for (const job of lane.take(() => true)) job.fail(closed);
    for (const model of this.#models) model.quarantine(closed);
    await Promise.all([this.#probing, ...this.#lanes().map((lane) => lane.slot.close())]);
  }

  enqueue(model: ChildModel, request: PendingRequest): boolean {
    const run = async (): Promise<void> => {
      if (!request.isWanted) return;
      request.resolve(await this.#infer(model, request));
      await this.#noteAnswer(model);
    };
    const fail = (error: ModelError): void => request.reject(error);
    return this.#laneOf(model).push({ priority: request.priority, model, request, run, fail });
  }

  withdraw(request: PendingRequest): void {
    for (const lane of this.#lanes()) lane.take((job) => job.request === request);
  }

  async remove(model: ChildModel): Promise<void> {
    const lane = this.#laneOf(model);
    this.#models.delete(model);
    this.#places.clear();
    const gone = new ModelError('MODEL_CLOSED', `${model.bundle.manifest.name} was closed while the request waited`);
    for (const job of lane.take((waiting) => waiting.model === model)) job.fail(gone);
    if (lane.current?.model === model) lane.current.fail(gone);
    if (this.#closing.signal.aborted) return;
    if (this.#modelsIn(lane).length === 0) await lane.slot.release();
    else await this.#schedule(model, CONTROL_PRIORITY, () => this.#unload(model)).catch(() => undefined);
    this.#own.delete(model);
  }

  describe(model: ChildModel): Pick<ModelStats, 'engine' | 'runtime' | 'pid' | 'residentBytes' | 'queued'> {
    const lane = this.#laneOf(model);
    const { child } = lane.slot;
    const living = child?.lost === null ? child : null;
    const residentBytes = living?.residentBytes ?? null;
    const runtime = living?.models.get(model.key)?.runtime ?? null;
    return { engine: this.kind, runtime, pid: living?.pid ?? null, residentBytes, queued: lane.queued };
  }

  #refuseClosed(): void {
    if (this.#closing.signal.aborted) throw new ModelError('ENGINE_CLOSED', 'The engine is closed');
  }

  #createLane(): Lane {
    const lane: Lane = new Lane({
      ...this.#options,
      onChild: (event) =>
        this.#options.onChild({ ...event, bundles: this.#modelsIn(lane).map(({ bundle }) => bundle) }),
      onHeldUp: (_, model) => this.#part(model),
      onIdle: async () => {
        if (this.#modelsIn(lane).length === 0) await lane.slot.release();
      },
    });
    return lane;
  }

  #lanes(): Lane[] {
    return [this.#shared, ...[...this.#own.values()].map(({ lane }) => lane)];
  }

  #laneOf(model: ChildModel): Lane {
    return this.#own.get(model)?.lane ?? this.#shared;
  }

  #modelsIn(lane: Lane): ChildModel[] {
    return [...this.#models].filter((model) => this.#laneOf(model) === lane);
  }

  /**
   * Leaves a model that costs others something the process it is in, lost or not, and gives the others a new one with all that
   * waits. It stays apart until it is closed; its losses are its own.
   */
  #part(model: ChildModel): void {
    const lane = this.#laneOf(model);
    const isShared = lane === this.#shared;
    if (isShared && this.#modelsIn(lane).length < 2) return;
    this.#own.set(model, { lane, standing: { kind: 'apart' } });
    this.#places.clear();
    if (!isShared) return;
    this.#shared = this.#createLane();
    lane.renewProcess();
    for (const job of lane.take((waiting) => waiting.model !== model)) this.#shared.push(job);
  }

  /** The trial is over: among the others from now on, or they with it when there are none. */
  async #noteAnswer(model: ChildModel): Promise<void> {
    const own = this.#own.get(model);
    if (own === undefined) return;
    const { lane } = own;
    const standing = afterAnswer(own.standing);
    if (standing !== null) return void this.#own.set(model, { lane, standing });
    this.#own.delete(model);
    this.#places.clear();
    if (this.#modelsIn(this.#shared).length === 1) this.#shared = lane;
    else {
      for (const job of lane.take(() => true)) this.#shared.push(job);
      await lane.slot.release();
    }
  }

  async #schedule(model: ChildModel, priority: number, work: () => Promise<void>): Promise<void> {
    const done = Promise.withResolvers<void>();
    const run = async (): Promise<void> => done.resolve(await work());
    const job: Job = { priority, model, request: null, run, fail: done.reject };
    if (!this.#laneOf(model).push(job)) throw new ModelError('ENGINE_BUSY', 'The queue of the engine is full');
    return done.promise;
  }

  /** The process with this model in it. */
  async #childWith(model: ChildModel): Promise<EngineChild> {
    const lane = this.#laneOf(model);
    const together = this.#modelsIn(lane);
    const memoryMb = together.reduce((total, { bundle }) => total + bundle.manifest.resources.memoryMb, 0);
    const child = await lane.slot.acquire(memoryMb);
    const { loadLimitMs } = this.#options;
    const loaded = child.models.get(model.key) ?? (await loadInto(child, model.key, model.bundle, loadLimitMs));
    checkSignature(loaded, model.signature);
    this.#places.set(model, child);
    return child;
  }

  /** A process lost meanwhile may have died of what came before: once more in a fresh one before this model is to blame. */
  async #ensureLoaded(model: ChildModel): Promise<void> {
    const before = this.#laneOf(model).slot.child;
    try {
      await this.#childWith(model);
    } catch (error) {
      if (before === null || before !== this.#laneOf(model).slot.child || before.lost !== error) throw error;
      await this.#childWith(model);
    }
  }

  async #unload(model: ChildModel): Promise<void> {
    const { child } = this.#laneOf(model).slot;
    const shared = [...this.#models].some(({ key }) => key === model.key);
    if (child === null || child.lost !== null || shared || !child.models.delete(model.key)) return;
    await child.call({ type: 'unload', model: model.key }, this.#options.loadLimitMs);
  }

  async #run(model: ChildModel, inputs: Tensors, limitMs: number): Promise<InferResult> {
    const place = this.#places.get(model);
    const child = place?.lost === null ? place : await this.#childWith(model);
    return runIn(child, { model: model.key, signature: model.signature, inputs }, limitMs);
  }

  async #infer(model: ChildModel, request: PendingRequest): Promise<InferResult> {
    const limitMs = killAfterMs(request.patienceMs, this.#options.hardLimitMs);
    const attempts = {
      run: (inputs: Tensors) => this.#run(model, inputs, limitMs),
      isLoss: (error: unknown) => this.#noteLoss(model, error),
      isWanted: () => request.isWanted,
      golden: () => this.#golden(model),
    };
    try {
      const { inputs, onLoss } = request;
      return await runWithRetry(attempts, inputs, { onLoss, rows: () => splitRows(inputs, model.signature) });
    } catch (error) {
      const reason = asModelError(error, 'ENGINE_CRASHED');
      if (reason.code === 'MODEL_QUARANTINED') model.quarantine(reason);
      throw reason;
    }
  }

  /** From here on the model is on its own: whether it or its input is to blame must cost nobody else. */
  #noteLoss(model: ChildModel, error: unknown): boolean {
    const lost = this.#laneOf(model).slot.child?.lost ?? null;
    if (lost === null || lost !== error || lost.code === 'ENGINE_CLOSED') return false;
    model.noteLoss();
    this.#part(model);
    return true;
  }

  async #golden(model: ChildModel): Promise<void> {
    const { hardLimitMs } = this.#options;
    await checkGolden({ infer: (inputs) => this.#run(model, inputs, hardLimitMs) }, model.bundle.golden, this.kind);
  }
}
