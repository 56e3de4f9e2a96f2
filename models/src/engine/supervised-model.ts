/** A model that stays usable while engines come and go: probes them in order, falls over, says so, and never gives up for good. */
import type { Tensors } from '@shoal/protocol/wire';
import { checkGolden } from '../bundle/golden.ts';
import type { EngineKind } from '../bundle/manifest.ts';
import type { Bundle } from '../bundle/read-bundle.ts';
import { asModelError, ModelError, type ModelErrorCode } from '../errors.ts';
import { isGateRefusal } from '../gate/gate-rules.ts';
import { copyTensors } from './check-tensors.ts';
import { chooseEngine, lastOutcome, restMs, type EngineChoice, type ProbeRecord } from './engine-choice.ts';
import type { InferenceEngine, InferOptions, InferResult, ModelHandle, ModelStats } from './inference-engine.port.ts';

/** `engine` is the one in use or being tried. `since` in ms by the supervisor's clock. */
export interface EngineState {
  readonly model: string;
  readonly version: string;
  readonly digest: string;
  readonly status: 'starting' | 'ready' | 'restarting' | 'unavailable';
  readonly engine: EngineKind | null;
  /** Why it is not ready, or, when ready, why a preferred engine is not in use. */
  readonly reason: { readonly code: ModelErrorCode; readonly message: string } | null;
  readonly since: number;
}

/** What the model needs of its supervisor. */
export interface EngineHost {
  readonly allowed: readonly EngineKind[];
  readonly agentVersion: string;
  engine(kind: EngineKind): InferenceEngine;
  probes(): readonly ProbeRecord[];
  record(probe: ProbeRecord): void;
  now(): number;
  report(state: EngineState): void;
  forget(model: SupervisedModel): void;
}

/** Failures that end the use of an engine for a model; all others concern one request. */
const ENGINE_FAULTS: ReadonlySet<ModelErrorCode> = new Set([
  'MODEL_QUARANTINED',
  'ENGINE_UNAVAILABLE',
  'ENGINE_CLOSED',
]);

const NO_STATS: ModelStats = {
  engine: null,
  runtime: null,
  pid: null,
  residentBytes: null,
  requests: 0,
  failures: 0,
  losses: 0,
  queued: 0,
  elapsedMs: null,
};

const probeOutcome = (fault: ModelError): ProbeRecord['outcome'] | null => {
  const { code, retryable } = fault;
  if (code === 'ENGINE_CRASHED' || code === 'MODEL_QUARANTINED') return 'crashed';
  if (isGateRefusal(fault)) return null;
  return retryable || code === 'ENGINE_CLOSED' || code.startsWith('BUNDLE_') ? null : 'refused';
};

export class SupervisedModel implements ModelHandle {
  readonly bundle: Bundle;
  readonly #host: EngineHost;
  readonly #resting = new Map<EngineKind, number>();
  readonly #failures = new Map<EngineKind, number>();
  #handle: ModelHandle | null = null;
  #state: EngineState;
  #searching: Promise<void> | null = null;
  #retryAt: number | null = null;
  #refusedByGate: ModelError | null = null;
  /** Why a better engine is not in use. */
  #passedOver: ModelError | null = null;
  #closed = false;

  constructor(bundle: Bundle, host: EngineHost) {
    const { name, version } = bundle.manifest;
    this.bundle = bundle;
    this.#host = host;
    this.#state = {
      model: name,
      version,
      digest: bundle.digest,
      status: 'starting',
      engine: null,
      reason: null,
      since: host.now(),
    };
  }

  get signature(): ModelHandle['signature'] {
    return this.bundle.manifest.signature;
  }

  state(): EngineState {
    return this.#state;
  }

  /** Finds an engine; afterwards the state is `ready` or `unavailable`. Concurrent calls share one search. Never rejects. */
  async start(): Promise<void> {
    return this.#begin(null);
  }

  /** As the port says; ENGINE_UNAVAILABLE when no engine works. A request that broke its engine's trust is tried on the next one. */
  async infer(inputs: Tensors, options: InferOptions = {}): Promise<InferResult> {
    const startedAt = this.#host.now();
    const copy = options.batch === undefined ? copyTensors(inputs) : inputs;
    const handle = this.#current();
    try {
      return await handle.infer(copy, options);
    } catch (error) {
      const fault = asModelError(error, 'ENGINE_CRASHED');
      if (!ENGINE_FAULTS.has(fault.code) || this.#closed) throw fault;
      await this.#abandon(handle, fault);
    }
    return this.#current().infer(copy, this.#remaining(options, startedAt));
  }

  stats(): ModelStats {
    return this.#handle?.stats() ?? NO_STATS;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#host.forget(this);
    await this.#searching;
    await this.#handle?.close();
    this.#handle = null;
  }

  /** Tells the model that the process of an engine is gone, or back. */
  noteChild(kind: EngineKind, lost: ModelError | null): void {
    if (this.#handle === null || this.#state.engine !== kind) return;
    if (lost !== null) this.#report('restarting', kind, lost);
    else if (this.#state.status === 'restarting') this.#report('ready', kind, this.#passedOver);
  }

  /** `reason`: why the engine before was left. */
  async #begin(reason: ModelError | null): Promise<void> {
    this.#searching ??= this.#search(reason).finally(() => {
      this.#searching = null;
    });
    return this.#searching;
  }

  #current(): ModelHandle {
    if (this.#closed) throw new ModelError('MODEL_CLOSED', `${this.#state.model} was closed; load it again`);
    if (this.#handle !== null) return this.#handle;
    if (this.#retryAt !== null && this.#retryAt <= this.#host.now()) void this.start();
    throw new ModelError(
      'ENGINE_UNAVAILABLE',
      `No engine runs ${this.#state.model}: ${this.#state.reason?.message ?? 'not started'}`,
    );
  }

  #remaining(options: InferOptions, startedAt: number): InferOptions {
    if (options.deadlineMs === undefined) return options;
    return { ...options, deadlineMs: Math.max(0, options.deadlineMs - (this.#host.now() - startedAt)) };
  }

  async #abandon(handle: ModelHandle, fault: ModelError): Promise<void> {
    if (this.#handle === handle && this.#state.engine !== null) {
      this.#handle = null;
      this.#rest(this.#state.engine);
      if (fault.code === 'MODEL_QUARANTINED') this.#remember(this.#state.engine, probeOutcome(fault), fault);
      this.#report('starting', null, fault);
      await handle.close();
    }
    await this.#begin(fault);
  }

  async #search(before: ModelError | null): Promise<void> {
    let reason = before;
    for (let choice = this.#choose(); !this.#closed; choice = this.#choose()) {
      if (choice.engine === null) {
        this.#retryAt = choice.retryAt;
        return this.#report('unavailable', null, reason ?? this.#noEngine());
      }
      const fault = await this.#try(choice.engine);
      if (fault === null) {
        this.#passedOver = reason ?? this.#noPreferred(choice.engine);
        return this.#report('ready', choice.engine, this.#passedOver);
      }
      reason ??= fault;
    }
  }

  #choose(): EngineChoice {
    if (this.#refusedByGate !== null) return { engine: null, retryAt: null };
    const { allowed, agentVersion } = this.#host;
    const { manifest, digest } = this.bundle;
    const known = { probes: this.#host.probes(), resting: this.#resting, now: this.#host.now() };
    return chooseEngine({ preference: manifest.engines, allowed, digest, agentVersion, ...known });
  }

  /** Whether this engine has run the bundle's golden vectors before: no need to try it apart again. */
  #isTrusted(kind: EngineKind): boolean {
    const { agentVersion } = this.#host;
    const { digest } = this.bundle;
    return lastOutcome(this.#host.probes(), { digest, engine: kind, agentVersion }) === 'passed';
  }

  /** Null when the engine loads the model and reproduces its golden vectors: alone first, then among the trusted ones. */
  async #try(kind: EngineKind): Promise<ModelError | null> {
    this.#report('starting', kind, null);
    let handle: ModelHandle | null = null;
    try {
      const engine = this.#host.engine(kind);
      const onTrial = !this.#isTrusted(kind);
      if (onTrial) await engine.probe(this.bundle);
      handle = await engine.load(this.bundle, { onTrial });
      await checkGolden(handle, this.bundle.golden, kind);
    } catch (error) {
      await handle?.close();
      const fault = asModelError(error, 'ENGINE_CRASHED');
      if (isGateRefusal(fault)) this.#refusedByGate = fault;
      this.#remember(kind, probeOutcome(fault), fault);
      this.#rest(kind);
      return fault;
    }
    this.#handle = handle;
    this.#failures.delete(kind);
    this.#remember(kind, 'passed', null);
    return null;
  }

  #remember(engine: EngineKind, outcome: ProbeRecord['outcome'] | null, fault: ModelError | null): void {
    if (outcome === null) return;
    const { agentVersion } = this.#host;
    const { digest } = this.bundle;
    const found = { outcome, code: fault?.code ?? null, message: fault?.message ?? '' };
    this.#host.record({ digest, engine, agentVersion, ...found });
  }

  #rest(kind: EngineKind): void {
    const failures = (this.#failures.get(kind) ?? 0) + 1;
    this.#failures.set(kind, failures);
    this.#resting.set(kind, this.#host.now() + restMs(failures));
  }

  /** What an earlier trial of this bundle found, under the code it had then. */
  #noEngine(): ModelError {
    const { engines } = this.bundle.manifest;
    const refused = this.#host.probes().findLast((probe) => probe.digest === this.bundle.digest && probe.code !== null);
    if (refused === undefined)
      return new ModelError('ENGINE_UNAVAILABLE', `None of ${engines.join(', ')} is allowed here`);
    return new ModelError(refused.code ?? 'ENGINE_UNAVAILABLE', refused.message);
  }

  /** Why the first choice is not in use, as an earlier probe found it. */
  #noPreferred(used: EngineKind): ModelError | null {
    const [preferred] = this.bundle.manifest.engines;
    if (preferred === used) return null;
    const probe = this.#host
      .probes()
      .findLast(({ engine, digest }) => engine === preferred && digest === this.bundle.digest);
    return new ModelError(probe?.code ?? 'ENGINE_UNAVAILABLE', probe?.message ?? `${preferred} is not allowed here`);
  }

  #report(status: EngineState['status'], engine: EngineKind | null, fault: ModelError | null): void {
    const reason = fault === null ? null : { code: fault.code, message: fault.message };
    this.#state = { ...this.#state, status, engine, reason, since: this.#host.now() };
    this.#host.report(this.#state);
  }
}
