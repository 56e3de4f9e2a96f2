/** An engine in child processes: one for each model while memory lasts, a shared one for the trusted ones after that. */
import type { Tensors } from '@shoal/protocol/wire';
import { checkGolden } from '../../bundle/golden.ts';
import type { EngineKind } from '../../bundle/manifest.ts';
import type { Bundle } from '../../bundle/read-bundle.ts';
import { asModelError, ModelError } from '../../errors.ts';
import { checkSignature } from '../check-signature.ts';
import type { InferenceEngine, InferResult, ModelHandle, ModelStats } from '../inference-engine.port.ts';
import { splitRows } from '../rows.ts';
import { loadInto, runIn, unloadFrom } from './child-calls.ts';
import { ChildModel, type ModelHost } from './child-model.ts';
import type { ChildEvent, SlotOptions } from './child-slot.ts';
import type { EngineChild } from './engine-child.ts';
import { FirstCome } from './first-come.ts';
import { Lane, type Job } from './lane.ts';
import { Nursery } from './nursery.ts';
import { PendingRequest } from './pending-request.ts';
import { Places } from './places.ts';
import { runWithRetry } from './retry-and-blame.ts';
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
  /** Whether the machine can spare so many bytes more: then a trusted model gets a process of its own, and else one with others. */
  readonly hasRoom: (wantedBytes: number) => boolean;
  /** Shared by the engines of one machine. */
  readonly firstCome?: FirstCome;
  readonly onChild: (event: EngineEvent) => void;
}

const CONTROL_PRIORITY = Number.MAX_SAFE_INTEGER;
/** A model that is new or has done harm is looked at more often while it runs: what it takes it takes from others. */
const WATCHFUL_MS = 100;

export class ChildEngine implements InferenceEngine, ModelHost {
  readonly kind: EngineKind;
  readonly maxRequestBytes: number;
  readonly #options: ChildEngineOptions;
  readonly #closing = new AbortController();
  readonly #places: Places;
  readonly #firstCome: FirstCome;
  readonly #nursery: Nursery;
  /** Where each model is loaded and its signature checked: nothing is to be looked up for the next request. */
  readonly #checkedIn = new WeakMap<ChildModel, EngineChild>();

  constructor(options: ChildEngineOptions) {
    this.kind = options.kind;
    this.maxRequestBytes = options.maxRequestBytes;
    this.#options = options;
    this.#firstCome = options.firstCome ?? new FirstCome();
    this.#nursery = new Nursery({
      ...options,
      launch: (memoryMb) => ({ ...options.launch(memoryMb), givesWay: true }),
      whenQuiet: () => this.#firstCome.whenQuiet(),
    });
    this.#places = new Places({
      createLane: () => this.#createLane(),
      residentBytes: (memoryMb) => options.limits(memoryMb).residentBytes,
      hasRoom: options.hasRoom,
    });
  }

  async probe(bundle: Bundle): Promise<void> {
    this.#refuseClosed();
    return this.#nursery.probe(bundle);
  }

  async load(bundle: Bundle, { onTrial = false } = {}): Promise<ModelHandle> {
    this.#refuseClosed();
    const model = new ChildModel(bundle, this);
    if (onTrial) this.#places.admitNew(model, this.#trialLane(bundle));
    else this.#places.admitTrusted(model);
    const loaded = this.#schedule(model, CONTROL_PRIORITY, () => this.#ensureLoaded(model));
    try {
      await (onTrial ? loaded : this.#firstCome.expect(loaded));
      return model;
    } catch (error) {
      await model.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const closed = new ModelError('ENGINE_CLOSED', 'The engine is closed');
    const { lanes, models } = this.#places;
    for (const lane of lanes) for (const job of lane.take(() => true)) job.fail(closed);
    for (const model of models) model.quarantine(closed);
    await Promise.all([this.#nursery.close(), ...lanes.map((lane) => lane.slot.close())]);
  }

  enqueue(model: ChildModel, request: PendingRequest): boolean {
    const run = async (): Promise<void> => {
      if (!request.isWanted) return;
      request.resolve(await this.#infer(model, request));
      await this.#places.noteAnswer(model);
    };
    const fail = (error: ModelError): void => request.reject(error);
    return this.#places.laneOf(model).push({ priority: request.priority, model, request, run, fail });
  }

  withdraw(request: PendingRequest): void {
    for (const lane of this.#places.lanes) lane.take((job) => job.request === request);
  }

  async remove(model: ChildModel): Promise<void> {
    const lane = this.#places.laneOf(model);
    this.#places.dismiss(model);
    const gone = new ModelError('MODEL_CLOSED', `${model.bundle.manifest.name} was closed while the request waited`);
    for (const job of lane.take((waiting) => waiting.model === model)) job.fail(gone);
    if (lane.current?.model === model) lane.current.fail(gone);
    if (this.#closing.signal.aborted) return;
    if (this.#places.modelsIn(lane).length === 0) await this.#vacate(lane, model);
    else await this.#schedule(model, CONTROL_PRIORITY, () => this.#unload(model)).catch(() => undefined);
    this.#places.forget(model);
  }

  describe(model: ChildModel): Pick<ModelStats, 'engine' | 'runtime' | 'pid' | 'residentBytes' | 'queued'> {
    const lane = this.#places.laneOf(model);
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
    const { launch, limits } = this.#options;
    const lane: Lane = new Lane({
      ...this.#options,
      launch: (memoryMb) => ({ ...launch(memoryMb), givesWay: this.#places.givesWay(lane) }),
      limits: (memoryMb) => {
        const { pollMs, ...rest } = limits(memoryMb);
        return { ...rest, pollMs: this.#places.givesWay(lane) ? Math.min(pollMs, WATCHFUL_MS) : pollMs };
      },
      onChild: (event) =>
        this.#options.onChild({ ...event, bundles: this.#places.modelsIn(lane).map(({ bundle }) => bundle) }),
      onHeldUp: (_, model) => this.#places.part(model),
      onIdle: async () => {
        if (this.#places.modelsIn(lane).length === 0) await lane.slot.release();
      },
    });
    return lane;
  }

  /** With the process in which the model was on probation, where that waits for it. */
  #trialLane(bundle: Bundle): Lane {
    const lane = this.#createLane();
    const child = this.#nursery.take(bundle);
    if (child !== null) lane.slot.adopt(child, bundle.manifest.resources.memoryMb);
    return lane;
  }

  /** The process of a model on trial that cost nobody anything is of use to the next one; any other ends. */
  async #vacate(lane: Lane, model: ChildModel): Promise<void> {
    const isInOrder = this.#places.isOnTrial(model) && lane.current === null && lane.slot.child?.models.has(model.key);
    const child = isInOrder === true ? lane.slot.detach() : null;
    if (child === null) await lane.slot.release();
    else await this.#nursery.giveBack(child, model.bundle);
  }

  async #schedule(model: ChildModel, priority: number, work: () => Promise<void>): Promise<void> {
    const done = Promise.withResolvers<void>();
    const run = async (): Promise<void> => done.resolve(await work());
    const job: Job = { priority, model, request: null, run, fail: done.reject };
    if (!this.#places.laneOf(model).push(job)) throw new ModelError('ENGINE_BUSY', 'The queue of the engine is full');
    return done.promise;
  }

  /** The process with this model in it. */
  async #childWith(model: ChildModel): Promise<EngineChild> {
    const lane = this.#places.laneOf(model);
    const child = await lane.slot.acquire(this.#places.memoryMb(lane));
    const { loadLimitMs } = this.#options;
    const loaded = child.models.get(model.key) ?? (await loadInto(child, model.key, model.bundle, loadLimitMs));
    checkSignature(loaded, model.signature);
    this.#checkedIn.set(model, child);
    return child;
  }

  /** A process lost meanwhile may have died of what came before: once more in a fresh one before this model is to blame. */
  async #ensureLoaded(model: ChildModel): Promise<void> {
    const before = this.#places.laneOf(model).slot.child;
    try {
      await this.#childWith(model);
    } catch (error) {
      if (before === null || before !== this.#places.laneOf(model).slot.child || before.lost !== error) throw error;
      await this.#childWith(model);
    }
  }

  async #unload(model: ChildModel): Promise<void> {
    const { child } = this.#places.laneOf(model).slot;
    const shared = this.#places.models.some(({ key }) => key === model.key);
    if (child !== null && !shared) await unloadFrom(child, model.key, this.#options.loadLimitMs);
  }

  async #run(model: ChildModel, inputs: Tensors, limitMs: number): Promise<InferResult> {
    const { child: there } = this.#places.laneOf(model).slot;
    const isReady = there?.lost === null && this.#checkedIn.get(model) === there;
    const child = isReady ? there : await this.#childWith(model);
    const { key, signature } = model;
    return runIn(child, { model: key, signature, inputs, maxAnswerBytes: this.maxRequestBytes }, limitMs);
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

  /**
   * From here on the model is on its own: whether it or its input is to blame must cost nobody else. Unless others were on trial in
   * that process before: then it may have died of them, and the next one, which is new, will tell.
   */
  #noteLoss(model: ChildModel, error: unknown): boolean {
    const { child } = this.#places.laneOf(model).slot;
    const lost = child?.lost ?? null;
    if (child === null || lost === null || lost !== error || lost.code === 'ENGINE_CLOSED') return false;
    model.noteLoss();
    if (!this.#places.isOnTrial(model) || child.tenants.size === 1) this.#places.part(model);
    return true;
  }

  async #golden(model: ChildModel): Promise<void> {
    const { hardLimitMs } = this.#options;
    await checkGolden({ infer: (inputs) => this.#run(model, inputs, hardLimitMs) }, model.bundle.golden, this.kind);
  }
}
