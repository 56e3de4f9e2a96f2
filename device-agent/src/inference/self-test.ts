/** Tries a model in engines of its own, before it is let near a window: golden vectors in a capped process, then load, latency and memory. */
import { checkGolden, EngineSupervisor, isWindowed, ModelError, type Bundle, type EngineKind } from '@shoal/models';
import { AgentError } from '../errors.ts';
import { AGENT_VERSION } from '../version.ts';
import { goldenRequest, timeRequests } from './bench-models.ts';

export interface SelfTestOptions {
  readonly engines: readonly EngineKind[];
  /** Milliseconds that one window may take, waiting included. */
  readonly deadlineMs: number;
  /** Milliseconds of requests one after the other. */
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

/**
 * Throws ModelError for a model that no engine loads, that does not give its golden answers, before or after the load, or takes more
 * memory than it says; AgentError UPDATE_OVER_BUDGET for one that is too slow.
 */
export const selfTest = async (
  bundle: Bundle,
  options: SelfTestOptions,
  signal: AbortSignal,
): Promise<SelfTestResult> => {
  const { engines, deadlineMs, durationMs } = options;
  const supervisor = new EngineSupervisor({ agentVersion: AGENT_VERSION, allowed: engines });
  const close = (): void => void supervisor.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    signal.throwIfAborted();
    const model = await supervisor.load(bundle);
    const { status, engine, reason } = model.state();
    if (status !== 'ready' || engine === null)
      throw new ModelError(reason?.code ?? 'ENGINE_UNAVAILABLE', reason?.message ?? 'No engine runs it here');
    const { p50Ms, p95Ms } = await timeRequests(model, goldenRequest(bundle), durationMs);
    await checkGolden(model, bundle.golden, engine);
    const budgetMs = budgetOf(bundle, deadlineMs);
    if (p95Ms > budgetMs)
      throw new AgentError(
        'UPDATE_OVER_BUDGET',
        `95 of 100 requests take up to ${p95Ms.toFixed(1)} ms, at most ${budgetMs} ms are allowed here.`,
      );
    return { p50Ms, p95Ms, rssMb: (model.stats().residentBytes ?? 0) / MB, engine };
  } finally {
    signal.removeEventListener('abort', close);
    await supervisor.close();
  }
};
