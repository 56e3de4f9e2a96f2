/** Tries a model in engines of its own, before it is let near a window: golden vectors in a capped process, then load, latency and memory. */
import {
  checkGolden,
  EngineSupervisor,
  isWindowed,
  ModelError,
  QuantileSketch,
  readProcessorWaitMs,
  readResidentBytes,
  type Bundle,
  type EngineKind,
  type EngineState,
  type SupervisedModel,
} from '@shoal/models';
import { AgentError } from '../errors.ts';
import { AGENT_VERSION } from '../version.ts';
import { goldenRequest, timeRequests, type LoadSoFar } from './bench-models.ts';
import { steadyGrowth } from './memory-growth.ts';

export interface SelfTestOptions {
  readonly engines: readonly EngineKind[];
  /** Milliseconds that one window may take, waiting included. */
  readonly deadlineMs: number;
  /** Milliseconds of requests one after the other, at least. */
  readonly durationMs: number;
}

export interface SelfTestResult {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly rssMb: number;
  readonly engine: EngineKind;
}

const MB = 1e6;
/** Half of the time between two windows: the other half is for everything else. */
const SHARE_OF_HOP = 0.5;

/** Milliseconds that the 95th percentile may take. */
const budgetOf = ({ manifest }: Bundle, deadlineMs: number): number =>
  isWindowed(manifest) ? Math.min(deadlineMs, manifest.window.hopMs * SHARE_OF_HOP) : deadlineMs;

/** Requests from one look at its memory to the next. */
const LOOK_EVERY = 10;
/** What holds more with every request shows it after so many; a machine with other work takes longer for them, within reason. */
const LOAD = { leastRequests: 500, longestMs: 20_000 } as const;

/** What the engines said of it once it was loaded; the first loss is the true one. */
interface Seen {
  isLoaded: boolean;
  lost: EngineState['reason'];
}

/** It gave its golden answers before: what it had no memory for later it took itself. */
const lossOf = ({ lost }: Seen): Error | undefined => {
  if (lost === null) return undefined;
  if (lost.code !== 'ENGINE_OUT_OF_MEMORY') return new ModelError(lost.code, lost.message);
  return new AgentError('UPDATE_LEAKS', `It took more and more memory under load. ${lost.message}`);
};

/** What the process of the engine needs for the load, read beside it. */
class Gauge {
  readonly held: number[] = [];
  readonly #used = new QuantileSketch();
  readonly #model: SupervisedModel;
  #waitedMs: number | undefined;

  constructor(model: SupervisedModel) {
    this.#model = model;
  }

  /** After each request. What it waited for a processor is the doing of other work here, and not of the model; of the first that is not known. */
  read({ requests, ranMs }: LoadSoFar): void {
    const { pid } = this.#model.stats();
    if (pid === null) return;
    const waitedMs = readProcessorWaitMs(pid);
    if (this.#waitedMs !== undefined) this.#used.add(Math.max(0, ranMs - (waitedMs - this.#waitedMs)));
    this.#waitedMs = waitedMs;
    const bytes = requests % LOOK_EVERY === 0 ? readResidentBytes(pid) : null;
    if (bytes !== null) this.held.push(bytes);
  }

  /** Of 95 of 100 requests, at most. */
  usedMs(): number {
    return this.#used.quantile(0.95) ?? 0;
  }
}

/** Long enough for a percentile and for a leak to show; no longer where it is plain that each takes too long. */
const isLoadEnough = (
  { requests, elapsedMs }: LoadSoFar,
  { durationMs, budgetMs }: { readonly durationMs: number; readonly budgetMs: number },
): boolean => {
  const isTooSlow = elapsedMs > requests * budgetMs;
  const isMany = requests >= LOAD.leastRequests || elapsedMs >= LOAD.longestMs;
  return requests > 1 && elapsedMs >= durationMs && (isMany || isTooSlow);
};

/** Golden answers, again after a load that is timed; throws what is wrong with it. */
const tryOut = async (
  bundle: Bundle,
  model: SupervisedModel,
  seen: Seen,
  { deadlineMs, durationMs }: SelfTestOptions,
): Promise<SelfTestResult> => {
  const { status, engine, reason } = model.state();
  if (status !== 'ready' || engine === null)
    throw new ModelError(reason?.code ?? 'ENGINE_UNAVAILABLE', reason?.message ?? 'No engine runs it here');
  seen.isLoaded = true;
  const budgetMs = budgetOf(bundle, deadlineMs);
  const gauge = new Gauge(model);
  const { p50Ms, p95Ms, requests } = await timeRequests(model, goldenRequest(bundle), {
    warmUpMs: durationMs,
    isEnough: (soFar) => {
      gauge.read(soFar);
      return isLoadEnough(soFar, { durationMs, budgetMs });
    },
  });
  const grownMb = steadyGrowth(gauge.held) / MB;
  if (grownMb > 0)
    throw new AgentError('UPDATE_LEAKS', `Its engine holds ${grownMb.toFixed(1)} MB more after ${requests} requests.`);
  const usedMs = gauge.usedMs();
  if (usedMs > budgetMs)
    throw new AgentError(
      'UPDATE_OVER_BUDGET',
      `95 of 100 requests take up to ${usedMs.toFixed(1)} ms of a processor, at most ${budgetMs} ms are allowed here.`,
    );
  await checkGolden(model, bundle.golden, engine);
  return { p50Ms, p95Ms, rssMb: (model.stats().residentBytes ?? 0) / MB, engine };
};

/**
 * Throws ModelError for a model that no engine loads, that does not give its golden answers, before or after the load, or that costs
 * an engine its process; AgentError UPDATE_OVER_BUDGET for one that is too slow, UPDATE_LEAKS for one that takes more and more memory.
 */
export const selfTest = async (
  bundle: Bundle,
  options: SelfTestOptions,
  signal: AbortSignal,
): Promise<SelfTestResult> => {
  const seen: Seen = { isLoaded: false, lost: null };
  const supervisor = new EngineSupervisor({
    agentVersion: AGENT_VERSION,
    allowed: options.engines,
    onState: ({ status, reason }) => {
      if (seen.isLoaded && status !== 'ready') seen.lost ??= reason;
    },
  });
  const close = (): void => void supervisor.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    signal.throwIfAborted();
    const result = await tryOut(bundle, await supervisor.load(bundle), seen, options);
    const loss = lossOf(seen);
    if (loss !== undefined) throw loss;
    return result;
  } catch (error) {
    throw signal.aborted ? error : (lossOf(seen) ?? error);
  } finally {
    signal.removeEventListener('abort', close);
    await supervisor.close();
  }
};
