/** An engine in a child process: queues, runs one request at a time, and survives what a model does to its process. */
import type { Tensors } from '@shoal/protocol';
import { checkGolden } from '../../bundle/golden.ts';
import type { EngineKind } from '../../bundle/manifest.ts';
import type { Bundle } from '../../bundle/read-bundle.ts';
import { asModelError, ModelError } from '../../errors.ts';
import { checkOutputs, checkSignature } from '../check-tensors.ts';
import type { InferenceEngine, InferResult, ModelHandle, ModelStats } from '../inference-engine.port.ts';
import { splitRows } from '../rows.ts';
import { ChildModel, type ModelHost } from './child-model.ts';
import { ChildSlot, type SlotOptions } from './child-slot.ts';
import type { EngineChild } from './engine-child.ts';
import type { ChildAnswer, LoadedMessage } from './framing.ts';
import { PendingRequest } from './pending-request.ts';
import { RequestQueue } from './request-queue.ts';
import { runWithRetry } from './retry-and-blame.ts';
import { killAfterMs } from './watchdog.ts';

export interface ChildEngineOptions extends SlotOptions {
  readonly kind: EngineKind;
  /** Milliseconds a run may take at most; a longer one costs the process its life. */
  readonly hardLimitMs: number;
  /** Milliseconds a model may take to load. */
  readonly loadLimitMs: number;
  readonly maxQueued: number;
  readonly maxRequestBytes: number;
}

interface Job {
  readonly priority: number;
  readonly model: ChildModel;
  readonly request: PendingRequest | null;
  run(): Promise<void>;
  fail(error: ModelError): void;
}

const CONTROL_PRIORITY = Number.MAX_SAFE_INTEGER;

const wrongAnswer = (answer: ChildAnswer): ModelError =>
  new ModelError('ENGINE_PROTOCOL_INVALID', `The engine process answered ${answer.type} to another question`);

export class ChildEngine implements InferenceEngine, ModelHost {
  readonly kind: EngineKind;
  readonly maxRequestBytes: number;
  readonly #options: ChildEngineOptions;
  readonly #slot: ChildSlot;
  readonly #queue: RequestQueue<Job>;
  readonly #models = new Set<ChildModel>();
  #current: Job | null = null;
  #running = false;
  #closed = false;

  constructor(options: ChildEngineOptions) {
    this.kind = options.kind;
    this.maxRequestBytes = options.maxRequestBytes;
    this.#options = options;
    this.#slot = new ChildSlot(options);
    this.#queue = new RequestQueue(options.maxQueued);
  }

  async load(bundle: Bundle): Promise<ModelHandle> {
    if (this.#closed) throw new ModelError('ENGINE_CLOSED', 'The engine is closed');
    const model = new ChildModel(bundle, this);
    this.#models.add(model);
    try {
      await this.#schedule(model, CONTROL_PRIORITY, () => this.#ensureLoaded(model));
      return model;
    } catch (error) {
      await model.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const closed = new ModelError('ENGINE_CLOSED', 'The engine is closed');
    for (const job of this.#queue.remove(() => true)) job.fail(closed);
    for (const model of this.#models) model.quarantine(closed);
    await this.#slot.close();
  }

  enqueue(model: ChildModel, request: PendingRequest): boolean {
    const run = async (): Promise<void> => {
      if (request.isWanted) request.resolve(await this.#infer(model, request));
    };
    return this.#push({ priority: request.priority, model, request, run, fail: (error) => request.reject(error) });
  }

  withdraw(request: PendingRequest): void {
    this.#queue.remove((job) => job.request === request);
  }

  async remove(model: ChildModel): Promise<void> {
    this.#models.delete(model);
    const gone = new ModelError('MODEL_CLOSED', `${model.bundle.manifest.name} was closed while the request waited`);
    for (const job of this.#queue.remove((waiting) => waiting.model === model)) job.fail(gone);
    if (this.#current?.model === model) this.#current.fail(gone);
    if (this.#closed) return;
    if (this.#models.size === 0) return this.#slot.release();
    await this.#schedule(model, CONTROL_PRIORITY, () => this.#unload(model)).catch(() => undefined);
  }

  describe(model: ChildModel): Pick<ModelStats, 'engine' | 'runtime' | 'pid' | 'residentBytes' | 'queued'> {
    const child = this.#slot.child;
    const living = child?.lost === null ? child : null;
    const residentBytes = living?.residentBytes ?? null;
    const runtime = living?.models.get(model.key)?.runtime ?? null;
    return { engine: this.kind, runtime, pid: living?.pid ?? null, residentBytes, queued: this.#queue.length };
  }

  async #schedule(model: ChildModel, priority: number, work: () => Promise<void>): Promise<void> {
    const done = Promise.withResolvers<void>();
    const run = async (): Promise<void> => done.resolve(await work());
    if (!this.#push({ priority, model, request: null, run, fail: done.reject }))
      throw new ModelError('ENGINE_BUSY', 'The queue of the engine is full');
    return done.promise;
  }

  #push(job: Job): boolean {
    const accepted = this.#queue.push(job);
    void this.#drain();
    return accepted;
  }

  /** One job after the other; whatever a job throws goes to its own caller. */
  async #drain(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      this.#current = job;
      try {
        await job.run();
      } catch (error) {
        job.fail(asModelError(error, 'ENGINE_CRASHED'));
      }
    }
    this.#current = null;
    this.#running = false;
    if (this.#models.size === 0) await this.#slot.release();
  }

  /** The process with this model in it. */
  async #childWith(model: ChildModel): Promise<EngineChild> {
    const memoryMb = [...this.#models].reduce((total, { bundle }) => total + bundle.manifest.resources.memoryMb, 0);
    const child = await this.#slot.acquire(memoryMb);
    const loaded = child.models.get(model.key) ?? (await this.#loadInto(child, model));
    checkSignature(loaded, model.signature);
    return child;
  }

  /** A process lost meanwhile may have died of what came before: once more in a fresh one before this model is to blame. */
  async #ensureLoaded(model: ChildModel): Promise<void> {
    const before = this.#slot.child;
    try {
      await this.#childWith(model);
    } catch (error) {
      if (before === null || before !== this.#slot.child || before.lost !== error) throw error;
      await this.#childWith(model);
    }
  }

  async #loadInto(child: EngineChild, model: ChildModel): Promise<LoadedMessage> {
    const { manifest, modelPath: path, modelSha256: sha256, weights } = model.bundle;
    const call = { type: 'load', model: model.key, manifest, path, sha256, weights } as const;
    const answer = await child.call(call, this.#options.loadLimitMs);
    if (answer.type !== 'loaded') throw wrongAnswer(answer);
    child.models.set(model.key, answer);
    return answer;
  }

  async #unload(model: ChildModel): Promise<void> {
    const child = this.#slot.child;
    const shared = [...this.#models].some(({ key }) => key === model.key);
    if (child === null || child.lost !== null || shared || !child.models.delete(model.key)) return;
    await child.call({ type: 'unload', model: model.key }, this.#options.loadLimitMs);
  }

  async #run(model: ChildModel, inputs: Tensors, limitMs: number): Promise<InferResult> {
    const child = await this.#childWith(model);
    const outputs = model.signature.outputs.map(({ name }) => name);
    const answer = await child.call({ type: 'infer', model: model.key, inputs, outputs }, limitMs);
    if (answer.type !== 'inferred') throw wrongAnswer(answer);
    checkOutputs(answer.outputs, model.signature);
    return { outputs: answer.outputs, elapsedMs: answer.elapsedMs };
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

  #noteLoss(model: ChildModel, error: unknown): boolean {
    const lost = this.#slot.child?.lost ?? null;
    if (lost === null || lost !== error || lost.code === 'ENGINE_CLOSED') return false;
    model.noteLoss();
    return true;
  }

  async #golden(model: ChildModel): Promise<void> {
    const { hardLimitMs } = this.#options;
    await checkGolden({ infer: (inputs) => this.#run(model, inputs, hardLimitMs) }, model.bundle.golden, this.kind);
  }
}
