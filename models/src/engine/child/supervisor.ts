/** An engine in child processes: one for each model while memory lasts, a shared one for the trusted ones after that. */
import type { Tensors } from '@shoal/protocol';
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
import { Lane, type Job } from './lane.ts';
import { Nursery } from './nursery.ts';
import { PendingRequest } from './pending-request.ts';
import { runWithRetry } from './retry-and-blame.ts';
import { endGivingWay } from './spawn-child.ts';
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
  /** Whether the machine can spare so many bytes more: then a trusted model gets a process of its own, and else one with others. */
  readonly hasRoom: (wantedBytes: number) => boolean;
  readonly onChild: (event: EngineEvent) => void;
}

const CONTROL_PRIORITY = Number.MAX_SAFE_INTEGER;
/** A model that is new or has done harm is looked at more often while it runs: what it takes it takes from others. */
const WATCHFUL_MS = 100;

const memoryOf = (models: readonly ChildModel[]): number =>
  models.reduce((total, { bundle }) => total + bundle.manifest.resources.memoryMb, 0);

export class ChildEngine implements InferenceEngine, ModelHost {
  readonly kind: EngineKind;
  readonly maxRequestBytes: number;
  readonly #options: ChildEngineOptions;
  readonly #closing = new AbortController();
  readonly #models = new Set<ChildModel>();
  /** Of models on trial, of trusted ones with a process of their own, and of those that were found to cost others something. */
  readonly #own = new Map<ChildModel, { readonly lane: Lane; readonly standing: Standing }>();
  /** Trusted models on their way. */
  readonly #starting = new Set<Promise<void>>();
  readonly #nursery: Nursery;
  #shared: Lane;

  constructor(options: ChildEngineOptions) {
    this.kind = options.kind;
    this.maxRequestBytes = options.maxRequestBytes;
    this.#options = options;
    this.#nursery = new Nursery({
      ...options,
      launch: (memoryMb) => ({ ...options.launch(memoryMb), givesWay: true }),
      whenQuiet: () => Promise.allSettled(this.#starting),
    });
    this.#shared = this.#createLane();
  }

  async probe(bundle: Bundle): Promise<void> {
    this.#refuseClosed();
    return this.#nursery.probe(bundle);
  }

  async load(bundle: Bundle, { onTrial = false } = {}): Promise<ModelHandle> {
    this.#refuseClosed();
    const model = new ChildModel(bundle, this);
    if (onTrial) this.#own.set(model, { lane: this.#trialLane(bundle), standing: { kind: 'trial', answers: 0 } });
    else this.#placeTrusted(model);
    this.#models.add(model);
    const loaded = this.#schedule(model, CONTROL_PRIORITY, () => this.#ensureLoaded(model));
    if (!onTrial) this.#starting.add(loaded);
    try {
      await loaded;
      return model;
    } catch (error) {
      await model.close();
      throw error;
    } finally {
      this.#starting.delete(loaded);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const closed = new ModelError('ENGINE_CLOSED', 'The engine is closed');
    for (const lane of this.#lanes()) for (const job of lane.take(() => true)) job.fail(closed);
    for (const model of this.#models) model.quarantine(closed);
    await Promise.all([this.#nursery.close(), ...this.#lanes().map((lane) => lane.slot.close())]);
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
    const gone = new ModelError('MODEL_CLOSED', `${model.bundle.manifest.name} was closed while the request waited`);
    for (const job of lane.take((waiting) => waiting.model === model)) job.fail(gone);
    if (lane.current?.model === model) lane.current.fail(gone);
    if (this.#closing.signal.aborted) return;
    if (this.#modelsIn(lane).length === 0) await this.#vacate(lane, model);
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
    const { launch, limits } = this.#options;
    const lane: Lane = new Lane({
      ...this.#options,
      launch: (memoryMb) => ({ ...launch(memoryMb), givesWay: this.#givesWay(lane) }),
      limits: (memoryMb) => {
        const { pollMs, ...rest } = limits(memoryMb);
        return { ...rest, pollMs: this.#givesWay(lane) ? Math.min(pollMs, WATCHFUL_MS) : pollMs };
      },
      onChild: (event) =>
        this.#options.onChild({ ...event, bundles: this.#modelsIn(lane).map(({ bundle }) => bundle) }),
      onHeldUp: (_, model) => this.#part(model),
      onIdle: async () => {
        if (this.#modelsIn(lane).length === 0) await lane.slot.release();
      },
    });
    return lane;
  }

  #givesWay(lane: Lane): boolean {
    return this.#modelsIn(lane).some((model) => {
      const kind = this.#own.get(model)?.standing.kind;
      return kind === 'trial' || kind === 'apart';
    });
  }

  /** A process of its own where there is room; the one of the same bytes, whose fate it shares; or that of all who find no room. */
  #placeTrusted(model: ChildModel): void {
    const twin = [...this.#own].find(([other, { standing }]) => other.key === model.key && standing.kind === 'alone');
    if (twin !== undefined) return void this.#own.set(model, twin[1]);
    const others = this.#modelsIn(this.#shared);
    const isAtHome = others.length === 0 || others.some(({ key }) => key === model.key);
    const { limits, hasRoom } = this.#options;
    const { memoryMb } = model.bundle.manifest.resources;
    const isCrowded = !hasRoom(limits(memoryMb).residentBytes);
    // Larger caps would cost those who are there their process.
    const fits = this.#shared.slot.holds(memoryOf(others) + memoryMb);
    if (isAtHome || (isCrowded && fits)) return;
    this.#own.set(model, { lane: this.#createLane(), standing: { kind: 'alone' } });
  }

  /** With the process in which the model was on probation, where that waits for it. */
  #trialLane(bundle: Bundle): Lane {
    const lane = this.#createLane();
    const child = this.#nursery.take(bundle);
    if (child !== null) lane.slot.adopt(child, bundle.manifest.resources.memoryMb);
    return lane;
  }

  #isOnTrial(model: ChildModel): boolean {
    return this.#own.get(model)?.standing.kind === 'trial';
  }

  /** The process of a model on trial that cost nobody anything is of use to the next one; any other ends. */
  async #vacate(lane: Lane, model: ChildModel): Promise<void> {
    const isInOrder = this.#isOnTrial(model) && lane.current === null && lane.slot.child?.models.has(model.key);
    const child = isInOrder === true ? lane.slot.detach() : null;
    if (child === null) await lane.slot.release();
    else await this.#nursery.giveBack(child, model.bundle);
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
    if (!isShared) return;
    this.#shared = this.#createLane();
    lane.renewProcess();
    for (const job of lane.take((waiting) => waiting.model !== model)) this.#shared.push(job);
  }

  /** The trial is over: the model keeps its process while memory lasts, and else goes to the others. */
  async #noteAnswer(model: ChildModel): Promise<void> {
    const own = this.#own.get(model);
    if (own === undefined) return;
    const { lane } = own;
    const standing = afterAnswer(own.standing);
    if (standing !== null) return void this.#own.set(model, { lane, standing });
    const isItsOwn = lane.slot.child?.tenants.size === 1;
    this.#own.delete(model);
    const together = this.#modelsIn(this.#shared);
    if (together.length === 1 && isItsOwn) this.#shared = lane;
    else if (this.#options.hasRoom(0) || !this.#shared.slot.holds(memoryOf(together)))
      this.#own.set(model, { lane, standing: { kind: 'alone' } });
    else {
      for (const job of lane.take(() => true)) this.#shared.push(job);
      return lane.slot.release();
    }
    if (lane.slot.child?.pid != null) endGivingWay(lane.slot.child.pid);
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
    const child = await lane.slot.acquire(memoryOf(this.#modelsIn(lane)));
    const { loadLimitMs } = this.#options;
    const loaded = child.models.get(model.key) ?? (await loadInto(child, model.key, model.bundle, loadLimitMs));
    checkSignature(loaded, model.signature);
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
    if (child !== null && !shared) await unloadFrom(child, model.key, this.#options.loadLimitMs);
  }

  async #run(model: ChildModel, inputs: Tensors, limitMs: number): Promise<InferResult> {
    const child = await this.#childWith(model);
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
    const { child } = this.#laneOf(model).slot;
    const lost = child?.lost ?? null;
    if (child === null || lost === null || lost !== error || lost.code === 'ENGINE_CLOSED') return false;
    model.noteLoss();
    if (!this.#isOnTrial(model) || child.tenants.size === 1) this.#part(model);
    return true;
  }

  async #golden(model: ChildModel): Promise<void> {
    const { hardLimitMs } = this.#options;
    await checkGolden({ infer: (inputs) => this.#run(model, inputs, hardLimitMs) }, model.bundle.golden, this.kind);
  }
}
