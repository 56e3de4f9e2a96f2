/** One version of one model on this server: started when it is wanted, scheduled over all instances, closed when its last answer is out. */
import {
  asModelError,
  ModelError,
  ModelScheduler,
  type Bundle,
  type BundleManifest,
  type CallerSignal,
  type CompletedInputs,
  type InferOptions,
  type SchedulerLimits,
  type SchedulerObserver,
  type SchedulerStatistics,
  type ServedAnswer,
  type ServedModel,
  type ServingState,
  type SupervisedModel,
} from '@shoal/models';
import type { JsonObject, Tensors } from '@shoal/protocol';
import type { EngineInstances } from './engine-instances.ts';
import { SchedulerMeter } from './scheduler-meter.ts';

export interface ModelVersionOptions {
  readonly bundle: Bundle;
  readonly engines: EngineInstances;
  readonly limits: SchedulerLimits;
  readonly observer: SchedulerObserver;
  /** Absent for a model that pins no view of entities. */
  readonly complete?: (inputs: Tensors, entity: string) => CompletedInputs;
}

interface Running {
  readonly scheduler: ModelScheduler;
  readonly handles: readonly SupervisedModel[];
}

/** Requests that may wait for a model to start. */
const MAX_EARLY = 1_024;
/** A start that failed is tried again by a request no sooner than after this. */
const REST_MS = 2_000;

export class ModelVersion implements ServedModel {
  readonly bundle: Bundle;
  readonly manifest: BundleManifest;
  readonly meter = new SchedulerMeter(() => this.statistics());
  readonly complete?: (inputs: Tensors, entity: string) => CompletedInputs;
  readonly #options: ModelVersionOptions;
  #running: Running | null = null;
  #starting: Promise<void> | null = null;
  #fault: ModelError | null = null;
  #faultAt = -Infinity;
  #early = 0;
  #isClosed = false;

  constructor(options: ModelVersionOptions) {
    this.bundle = options.bundle;
    this.manifest = options.bundle.manifest;
    this.#options = options;
    if (options.complete !== undefined) this.complete = options.complete;
  }

  state(): { readonly state: ServingState; readonly reason: string } {
    if (this.#isClosed) return { state: 'UNAVAILABLE', reason: 'unloaded' };
    if (this.#running !== null) return stateOf(this.#running.handles);
    if (this.#starting !== null) return { state: 'LOADING', reason: 'starts its engines' };
    return { state: 'UNAVAILABLE', reason: this.#fault?.message ?? 'not started; the first request starts it' };
  }

  /** Loads it into every instance and warms it up. Concurrent calls share one start. Rejects with why no engine runs it. */
  async start(): Promise<void> {
    if (this.#isClosed) throw closed(this.manifest);
    if (this.#running !== null) return;
    this.#starting ??= this.#begin().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  /** A model that starts lets its callers wait, as far as their deadlines allow. */
  infer(inputs: Tensors, options: InferOptions): Promise<ServedAnswer> {
    return this.#running === null ? this.#inferLater(inputs, options) : runOn(this.#running, inputs, options);
  }

  async #inferLater(inputs: Tensors, options: InferOptions): Promise<ServedAnswer> {
    const waitedSince = performance.now();
    const running = await this.#waitForStart(options);
    const { deadlineMs } = options;
    if (deadlineMs === undefined) return runOn(running, inputs, options);
    return runOn(running, inputs, { ...options, deadlineMs: deadlineMs - (performance.now() - waitedSince) });
  }

  retryAfterMs(): number {
    return this.#running?.scheduler.retryAfterMs() ?? 0;
  }

  /** Undefined before the start. */
  statistics(): SchedulerStatistics | undefined {
    return this.#running?.scheduler.statistics();
  }

  /** What waits, as a share of what may. */
  queueFill(): number {
    return this.#running?.scheduler.fill ?? 0;
  }

  get maxQueuedRows(): number {
    return this.#options.limits.maxQueuedRows;
  }

  refuseUnread(priority: number, mayOvertake: () => boolean): ModelError | undefined {
    return this.#running?.scheduler.refuseUnread(priority, mayOvertake);
  }

  /** Counts a request that was refused unread. */
  noteUnread(reason: ModelError): void {
    this.#running?.scheduler.noteUnread(reason);
  }

  /** Admitted requests are answered first. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#starting?.catch(() => undefined);
    await this.#running?.scheduler.drain();
    await this.#running?.scheduler.close();
  }

  async #waitForStart({ deadlineMs, signal }: InferOptions): Promise<Running> {
    if (this.#fault !== null && performance.now() - this.#faultAt < REST_MS) throw this.#fault;
    if (this.#early >= MAX_EARLY)
      throw new ModelError('QUEUE_FULL', `${this.#early} requests wait for the model to start`);
    this.#early += 1;
    try {
      await Promise.race([this.start(), giveUp(deadlineMs, signal)]);
    } finally {
      this.#early -= 1;
    }
    if (this.#running !== null) return this.#running;
    throw closed(this.manifest);
  }

  async #begin(): Promise<void> {
    const { bundle, engines, limits, observer } = this.#options;
    const handles = await engines.load(bundle);
    const scheduler = new ModelScheduler({ instances: handles, golden: bundle.golden, limits, observer });
    try {
      await scheduler.start();
      this.#running = { scheduler, handles };
      this.#fault = null;
    } catch (error) {
      await scheduler.close();
      this.#fault = asModelError(error, 'ENGINE_UNAVAILABLE');
      this.#faultAt = performance.now();
      throw this.#fault;
    }
  }
}

const runOn = async (
  { scheduler, handles }: Running,
  inputs: Tensors,
  options: InferOptions,
): Promise<ServedAnswer> => {
  const { outputs, elapsedMs } = await scheduler.infer(inputs, options);
  return { outputs, elapsedMs, parameters: parametersOf(handles) };
};

/** Rejects when the caller cannot wait any longer. */
const giveUp = (deadlineMs: number | undefined, signal: CallerSignal | undefined): Promise<never> => {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = (): void =>
    reject(new ModelError('DEADLINE_UNMEETABLE', 'The model has not started within the deadline'));
  if (deadlineMs !== undefined) setTimeout(late, deadlineMs).unref();
  signal?.addEventListener('abort', () => reject(new ModelError('INFERENCE_CANCELED', 'The request was withdrawn')));
  return promise;
};

const closed = ({ name, version }: BundleManifest): ModelError =>
  new ModelError('MODEL_CLOSED', `${name} ${version} was unloaded; load it again`);

/** Ready as long as one instance can run it. */
const stateOf = (handles: readonly SupervisedModel[]): { readonly state: ServingState; readonly reason: string } => {
  const states = handles.map((handle) => handle.state());
  if (states.some(({ status }) => status === 'ready')) return { state: 'READY', reason: '' };
  const [first] = states;
  const isComing = states.some(({ status }) => status !== 'unavailable');
  return { state: isComing ? 'LOADING' : 'UNAVAILABLE', reason: first?.reason?.message ?? 'an engine starts again' };
};

/** Where the answer comes from, and why not from better. */
const parametersOf = ([first]: readonly SupervisedModel[]): JsonObject => {
  const { engine = null, reason = null } = first?.state() ?? {};
  return {
    source: 'server',
    ...(engine !== null && { engine }),
    ...(reason !== null && { degraded_reason: reason.message.slice(0, 256) }),
  };
};
