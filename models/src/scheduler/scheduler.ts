/** Dynamic batching in front of the instances of one model: admits what can be kept, batches what waits, and answers everybody once. */
import type { Tensors } from '@shoal/protocol/wire';
import type { Golden } from '../bundle/golden.ts';
import type { InferOptions, InferResult, ModelHandle, ModelStats } from '../engine/inference-engine.port.ts';
import { asModelError, ModelError } from '../errors.ts';
import { AdmissionGate } from './admission-gate.ts';
import { BatchRun } from './batch-run.ts';
import { planBatch } from './batch-plan.ts';
import { CostModel } from './cost-model.ts';
import { DeadlineWatch } from './deadline-watch.ts';
import { InstancePool, type Instance } from './instance-pool.ts';
import { RequestIntake, type IntakeFacts } from './request-intake.ts';
import { ScheduledRequest, type RequestPart } from './scheduled-request.ts';
import { SYSTEM_CLOCK, type SchedulerClock } from './scheduler-clock.ts';
import { schedulerLimits, type SchedulerLimits } from './scheduler-limits.ts';
import { SchedulerRecord, type SchedulerStatistics } from './scheduler-record.ts';
import type { SchedulerObserver } from './statistics.ts';
import { WaitingLine } from './waiting-line.ts';
import { warmUp } from './warm-up.ts';

export interface ModelSchedulerOptions {
  /** At least one; all of the same model. The scheduler closes them with itself. */
  readonly instances: readonly [ModelHandle, ...ModelHandle[]];
  /** What `start` warms up with; without it the scheduler learns from its first runs. */
  readonly golden?: Golden;
  readonly limits?: Partial<SchedulerLimits>;
  readonly observer?: SchedulerObserver;
  readonly clock?: SchedulerClock;
}

/** An idle scheduler that refuses looks again whether it is still right, no sooner than this after its last run. */
const DOUBT_AFTER_MS = 250;

export class ModelScheduler implements ModelHandle {
  readonly signature: ModelHandle['signature'];
  readonly #options: ModelSchedulerOptions;
  readonly #clock: SchedulerClock;
  readonly #pool: InstancePool;
  readonly #line = new WaitingLine();
  readonly #cost = new CostModel();
  readonly #intake: RequestIntake;
  readonly #gate: AdmissionGate;
  readonly #record: SchedulerRecord;
  readonly #watch: DeadlineWatch<ScheduledRequest>;
  #isAwake = false;
  #ended: ModelError | null = null;
  #isClosed = false;
  #open = 0;
  #drained: PromiseWithResolvers<void> | null = null;
  #lastRunAt = -Infinity;

  constructor(options: ModelSchedulerOptions) {
    const limits = schedulerLimits(options.limits ?? {}, options.instances.length);
    this.signature = options.instances[0].signature;
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#pool = new InstancePool(options.instances);
    this.#intake = new RequestIntake(this.signature, limits);
    this.#gate = new AdmissionGate({ line: this.#line, pool: this.#pool, cost: this.#cost, limits });
    this.#record = new SchedulerRecord(this.#clock, options.observer ?? {});
    this.#watch = new DeadlineWatch(this.#clock, (request) => this.#onLate(request));
  }

  /**
   * Warms every instance up with the golden set, alone and in full batches. Batches are only formed afterwards if joining rows did
   * not change their answers. Rejects with what a golden vector is rejected with.
   */
  async start(): Promise<void> {
    const { golden } = this.#options;
    if (golden === undefined) return;
    const plan = { golden, maxBatchRows: this.#gate.batchRows, now: () => this.#clock.now() };
    for (const { handle } of this.#pool.all) {
      const { runs, batchRows } = await warmUp(handle, plan);
      for (const { rows, ms } of runs) this.#cost.observe(rows, ms);
      this.#limitBatches(batchRows);
    }
  }

  /**
   * As the port says. Also rejects with QUEUE_FULL and, before anything is run, with DEADLINE_UNMEETABLE; both say after how many
   * milliseconds to try again.
   */
  infer(inputs: Tensors, options: InferOptions = {}): Promise<InferResult> {
    const now = this.#clock.now();
    try {
      return this.#accept(inputs, options, now).answer;
    } catch (error) {
      const reason = asModelError(error, 'ENGINE_CRASHED');
      this.#record.refused(this.#clock.now() - now, reason);
      return Promise.reject(reason);
    }
  }

  /** What waits, as a share of what may. */
  get fill(): number {
    return this.#line.rows / this.#gate.maxQueuedRows;
  }

  /** Milliseconds until what waits now is worked off. */
  retryAfterMs(): number {
    return this.#gate.retryAfterMs();
  }

  /**
   * What a request of this priority is refused with before anybody reads it, counted; undefined while it has to be read. Only a full line
   * asks whether it may have another priority.
   */
  refuseUnread(priority: number, mayOvertake: () => boolean): ModelError | undefined {
    if (this.#line.rows < this.#gate.maxQueuedRows || mayOvertake()) return undefined;
    const reason = this.#gate.refusal(priority);
    if (reason === null) return undefined;
    this.#record.refused(0, reason);
    return reason;
  }

  /** Counts a request that its host refused for this model without reading it. */
  noteUnread(reason: ModelError): void {
    this.#record.refused(0, reason);
  }

  stats(): ModelStats {
    const handles = this.#pool.all.map(({ handle }) => handle.stats());
    return this.#record.modelStats(handles, this.#open);
  }

  statistics(): SchedulerStatistics {
    return this.#record.read({
      pendingRequests: this.#open,
      waitingRows: this.#line.rows,
      displaced: this.#gate.displaced,
      batchRows: this.#gate.batchLimits().maxRows,
      singleRowMs: this.#cost.expectMs(1),
      retryAfterMs: this.#gate.retryAfterMs(),
    });
  }

  /** Takes nothing more in and resolves when everything admitted has its outcome. */
  async drain(): Promise<void> {
    this.#ended ??= new ModelError('MODEL_CLOSED', 'The model is being closed and takes no more requests');
    if (this.#open === 0) return;
    this.#drained ??= Promise.withResolvers<void>();
    return this.#drained.promise;
  }

  async close(): Promise<void> {
    this.#ended = new ModelError('MODEL_CLOSED', 'The model was closed; load it again');
    this.#isClosed = true;
    for (const { request } of this.#line.parts) request.reject(this.#ended);
    await Promise.all(this.#pool.all.map(({ handle }) => handle.close()));
  }

  #accept(inputs: Tensors, options: InferOptions, now: number): ScheduledRequest {
    if (this.#ended !== null) throw this.#ended;
    const { signal } = options;
    if (signal?.aborted === true) throw withdrawn();
    const facts = this.#intake.check(inputs, options, now);
    const request = new ScheduledRequest(facts, signal, (settled, error) => this.#onSettled(settled, error));
    const parts = this.#intake.parts(request, facts);
    this.#admit(request, parts, facts);
    this.#open += 1;
    request.start(parts.length, () => request.reject(withdrawn()));
    if (request.deadlineAt !== Infinity) this.#watch.add(request);
    this.#wake();
    return request;
  }

  #admit(request: ScheduledRequest, parts: readonly RequestPart[], facts: IntakeFacts): void {
    try {
      this.#gate.admit(request, parts, facts.enqueuedAt);
    } catch (error) {
      const isStale = this.#pool.isIdle && facts.enqueuedAt - this.#lastRunAt > DOUBT_AFTER_MS;
      if (isStale && this.#line.parts.length === 0) this.#doubt(facts);
      throw error;
    }
  }

  /** Runs what was just refused for nobody, so that a model that got faster again is not believed slow for ever. */
  #doubt(facts: IntakeFacts): void {
    const { enqueuedAt, priority, rows, sequence } = facts;
    const nobody = {
      enqueuedAt,
      priority,
      rows,
      sequence,
      deadlineAt: Infinity,
      deadlineMs: undefined,
      acceptsLate: false,
    };
    const request = new ScheduledRequest(nobody, undefined, () => undefined);
    const parts = this.#intake.parts(request, facts);
    request.answer.catch(() => undefined);
    request.start(parts.length, () => undefined);
    for (const part of parts) this.#line.insert(part);
    this.#cost.doubt();
    this.#wake();
  }

  #wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    this.#clock.soon(() => {
      this.#isAwake = false;
      this.#dispatch();
    });
  }

  /** Gives every free instance the best batch, until nothing waits or no instance is free. */
  #dispatch(): void {
    while (this.#line.parts.length > 0) {
      const now = this.#clock.now();
      const instance = this.#pool.next(now);
      if (instance === undefined) return;
      const waiting = this.#line.parts;
      const plan = planBatch(waiting, new Uint8Array(waiting.length), now, this.#gate.batchLimits());
      const parts = this.#line.take(plan.members);
      if (plan.verdict === 'run') this.#launch(instance, parts, now + this.#cost.expectMs(plan.rows));
      else for (const { request } of parts) request.reject(tooLate(request));
    }
  }

  #launch(instance: Instance, parts: readonly RequestPart[], freeAt: number): void {
    const now = this.#clock.now();
    instance.isBusy = true;
    instance.freeAt = freeAt;
    for (const { request } of parts) request.startedAt ??= now;
    void this.#run(instance, parts);
  }

  async #run(instance: Instance, parts: readonly RequestPart[]): Promise<void> {
    let isDone = false;
    const free = (): void => {
      if (isDone) return;
      isDone = true;
      instance.isBusy = false;
      this.#lastRunAt = this.#clock.now();
      this.#goOn();
    };
    const run = new BatchRun(instance.handle, {
      now: () => this.#clock.now(),
      onRun: (record) => {
        instance.served();
        this.#cost.observe(record.rows, record.inputMs + record.inferMs + record.outputMs);
        this.#record.ran(record);
      },
      onFree: free,
      onDropped: () => this.#record.dropped(),
      onNotRowwise: () => this.#limitBatches(1),
      onOutOfService: (left, error) => this.#giveBack(instance, left, error),
    });
    await run.run(parts);
    free();
  }

  /** At once where a full batch waits: nothing is gained by letting the engine wait until the answers are out and the sockets read. */
  #goOn(): void {
    if (this.#line.rows >= this.#gate.batchLimits().maxRows) this.#dispatch();
    else this.#wake();
  }

  /** To another instance while there is one that was not tried. */
  #giveBack(instance: Instance, parts: readonly RequestPart[], error: ModelError): void {
    instance.rest(this.#clock.now());
    for (const part of parts) {
      const { request } = part;
      request.returns += 1;
      if (this.#isClosed || request.returns >= this.#pool.size) request.reject(error);
      else if (request.isWanted) this.#line.insert(part);
    }
  }

  #limitBatches(rows: number): void {
    this.#gate.batchRows = Math.min(this.#gate.batchRows, rows);
    if (rows === 1) this.#intake.isRowwise = false;
  }

  #onLate(request: ScheduledRequest): void {
    if (request.startedAt !== null && request.acceptsLate) return;
    request.reject(request.startedAt === null ? tooLate(request) : timedOut(request));
  }

  #onSettled(request: ScheduledRequest, error: ModelError | null): void {
    if (error !== null) this.#line.remove(request);
    if (request.deadlineAt !== Infinity) this.#watch.settled();
    this.#record.settled(request, error);
    this.#open -= 1;
    if (this.#open === 0) this.#drained?.resolve();
  }
}

const withdrawn = (): ModelError => new ModelError('INFERENCE_CANCELED', 'The request was withdrawn');
const tooLate = ({ deadlineMs }: ScheduledRequest): ModelError =>
  new ModelError(
    'DEADLINE_UNMEETABLE',
    `The deadline of ${deadlineMs} ms cannot be kept any more; the model was not run`,
  );
const timedOut = ({ deadlineMs }: ScheduledRequest): ModelError =>
  new ModelError('ENGINE_TIMEOUT', `No answer within the deadline of ${deadlineMs} ms`);
