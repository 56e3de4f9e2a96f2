/** Which engine to try next for a model: pure, from preference, what earlier probes found, and who rests. */
import type { EngineKind } from '../bundle/manifest.ts';
import type { ModelErrorCode } from '../errors.ts';

/** What a probe (load and golden vectors) found; worth keeping across restarts of the agent. */
export interface ProbeRecord {
  /** Of the bundle: what its golden vectors, its caps and its signature have shown says nothing of another bundle around the same bytes. */
  readonly digest: string;
  readonly engine: EngineKind;
  /** Another agent brings another runtime: its outcomes are its own. */
  readonly agentVersion: string;
  /** `crashed`: the process died (an illegal instruction on an old processor, or memory); tried again only when nothing else works. */
  readonly outcome: 'passed' | 'refused' | 'crashed';
  readonly code: ModelErrorCode | null;
  readonly message: string;
}

export interface ChoiceInput {
  /** The manifest's engines, best first. */
  readonly preference: readonly EngineKind[];
  /** What this machine permits. */
  readonly allowed: readonly EngineKind[];
  readonly digest: string;
  readonly agentVersion: string;
  readonly probes: readonly ProbeRecord[];
  /** Engines that failed this model for a passing reason, with the instant (ms) at which they may be tried again. */
  readonly resting: ReadonlyMap<EngineKind, number>;
  readonly now: number;
}

/** `retryAt` is the earliest instant at which trying again makes sense; null when it never does. */
export type EngineChoice = { readonly engine: EngineKind } | { readonly engine: null; readonly retryAt: number | null };

/** What the last probe of these bytes on this engine by this agent found; null for none. */
export const lastOutcome = (
  probes: readonly ProbeRecord[],
  of: Pick<ProbeRecord, 'digest' | 'engine' | 'agentVersion'>,
): ProbeRecord['outcome'] | null =>
  probes.findLast(
    ({ engine, digest, agentVersion }) =>
      engine === of.engine && digest === of.digest && agentVersion === of.agentVersion,
  )?.outcome ?? null;

const outcomeOf = ({ probes, digest, agentVersion }: ChoiceInput, engine: EngineKind): ProbeRecord['outcome'] | null =>
  lastOutcome(probes, { digest, engine, agentVersion });

/** Refused engines are out, crashed ones come last, resting ones wait; otherwise the order of preference holds. */
export const chooseEngine = (input: ChoiceInput): EngineChoice => {
  const permitted = input.preference.filter((engine) => input.allowed.includes(engine));
  const possible = permitted.filter((engine) => outcomeOf(input, engine) !== 'refused');
  const ordered = [
    ...possible.filter((engine) => outcomeOf(input, engine) !== 'crashed'),
    ...possible.filter((engine) => outcomeOf(input, engine) === 'crashed'),
  ];
  const restOf = (engine: EngineKind): number => input.resting.get(engine) ?? -Infinity;
  const engine = ordered.find((candidate) => restOf(candidate) <= input.now);
  if (engine !== undefined) return { engine };
  return { engine: null, retryAt: ordered.length === 0 ? null : Math.min(...ordered.map(restOf)) };
};

const REST_MS = 60_000;
const MAX_REST_MS = 900_000;

/** Milliseconds an engine rests after its n-th failure in a row with a model, n from 1. */
export const restMs = (failures: number): number => Math.min(MAX_REST_MS, REST_MS * 2 ** (failures - 1));
