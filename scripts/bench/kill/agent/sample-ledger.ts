/** Counts what a sensor produced against what arrived, and tells the loss that a commit window explains from any other. */
import { COMMIT_WINDOW_MS, type AgentUnderFire, type Outage } from './agent-under-fire.ts';
import type { ProducedSample } from './truth-file.ts';

export interface SampleFindings {
  readonly produced: number;
  /** Lost at the end of a run, as the commit window allows. */
  readonly lostInWindow: number;
  /**
   * Lost although the agent had shown that its commit was due and done, or although a later sample of the same run
   * survived, or so long before the kill that no hand-over explains it.
   */
  readonly lostBeyondWindow: number;
  readonly duplicated: number;
  /** From its making to its kill, of the oldest lost sample: hand-over from the sensor, commit window and commit. */
  readonly worstLossMs: number;
}

/** More than a pipe and a busy event loop can hold a sample up. */
const HAND_OVER_MS = 2_000;

/** What the account needs to know of an agent. */
export type AgentHistory = Pick<AgentUnderFire, 'produced' | 'outages' | 'secured'>;

/** @param arrived numbers of the samples that the server has */
export const compareSamples = (agent: AgentHistory, sensor: string, arrived: readonly number[]): SampleFindings => {
  const produced = agent.produced(sensor);
  const there = new Set(arrived);
  const lost = produced.filter(({ number }) => !there.has(number));
  const survivors = lastSurvivors(produced, there, agent.outages);
  const secured = agent.secured.filter((range) => range.sensor === sensor);
  const isBeyond = ({ number, at }: ProducedSample): boolean => {
    const run = runOf(at, agent.outages);
    const hadToSurvive = secured.some(({ first, last }) => number >= first && number <= last);
    const isFromTheMiddle = run !== undefined && number < (survivors.get(run) ?? 0);
    return hadToSurvive || isFromTheMiddle || ageAtKill(at, agent.outages) > COMMIT_WINDOW_MS + HAND_OVER_MS;
  };
  const beyond = lost.filter(isBeyond).length;
  return {
    produced: produced.length,
    lostInWindow: lost.length - beyond,
    lostBeyondWindow: beyond,
    duplicated: arrived.length - there.size,
    worstLossMs: Math.max(0, ...lost.map(({ at }) => ageAtKill(at, agent.outages))),
  };
};

/** Per run, the highest number that arrived. */
const lastSurvivors = (
  produced: readonly ProducedSample[],
  there: ReadonlySet<number>,
  outages: readonly Outage[],
): ReadonlyMap<Outage, number> => {
  const survivors = new Map<Outage, number>();
  for (const { number, at } of produced) {
    const run = runOf(at, outages);
    if (run !== undefined && there.has(number)) survivors.set(run, number);
  }
  return survivors;
};

/** The outage that ended the run in which a sample was made; undefined when its agent was dead or not ready yet. */
const runOf = (at: number, outages: readonly Outage[]): Outage | undefined => {
  const next = outages.find(({ readyAt }) => at < readyAt);
  return next !== undefined && at < next.killedAt ? next : undefined;
};

/** Milliseconds from a sample to the kill that ended its run; 0 when its agent was dead or not ready yet. */
const ageAtKill = (at: number, outages: readonly Outage[]): number => {
  const run = runOf(at, outages);
  return run === undefined ? 0 : run.killedAt - at;
};
