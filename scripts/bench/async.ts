/** Asynchronous predictions while the server is killed: each acknowledged request is answered once, and little is computed again. */
import { killQueue, type QueueKillResult } from './async/queue-kills.ts';
import type { Bench, BenchOptions, BenchResult } from './harness.ts';
import { seededRandom } from './kill/seeded-random.ts';

const SCALE = { full: { requests: 100_000, kills: 20 }, quick: { requests: 5_000, kills: 3 } } as const;

const faultsOf = (result: QueueKillResult, requests: number, kills: number): string[] => {
  const { shown, queue, recomputed, batchRows } = result;
  const none = [
    [requests - result.acknowledged, 'requests were never acknowledged'],
    [shown.unanswered, 'acknowledged requests have no answer'],
    [shown.answeredTwice, 'tickets were answered twice'],
    [shown.wrong, 'answers are not those of the model'],
    [queue.committedTwice, 'tickets have two committed answers'],
    [queue.open, 'tickets are open in the file'],
    [Math.abs(queue.tickets - requests), 'tickets more or less than requests'],
    [Math.abs(shown.shown - queue.tickets), 'tickets differ between file and API'],
    [Math.abs(queue.answers - requests), 'committed answers more or less than requests'],
    [Math.max(0, kills - result.killsUnderLoad), 'kills too few met open tickets'],
    [shown.heard === 0 ? 1 : 0, 'subscriber heard nothing'],
  ] as const;
  return [
    ...none.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}.`),
    ...recomputed.filter((runs) => runs > batchRows).map((runs) => `${runs} runs were computed again after one kill.`),
    ...result.faults,
  ];
};

const run = async ({ quick, seed: given, log }: BenchOptions): Promise<BenchResult> => {
  const { requests, kills } = quick ? SCALE.quick : SCALE.full;
  const seed = given ?? `async-${Date.now().toString(36)}`;
  log(`seed ${seed}`);
  const result = await killQueue({ requests, kills, random: seededRandom(seed), log });
  const { shown, queue, recomputed } = result;
  return {
    figures: {
      seed,
      requests: result.acknowledged,
      server_kills: result.kills,
      server_kills_under_load: result.killsUnderLoad,
      server_kills_in_recovery: result.killsInRecovery,
      requests_without_answer: result.broken,
      unanswered: shown.unanswered,
      answered_twice: shown.answeredTwice,
      committed_twice: queue.committedTwice,
      committed: queue.answers,
      recomputed_after_kill: Math.max(0, ...recomputed),
      batch: result.batchRows,
      recomputed_in_all: recomputed.reduce((sum, runs) => sum + runs, 0),
      runs: queue.runs,
      wrong_answers: shown.wrong,
      answers_heard: shown.heard,
      submits_per_s: result.submitsPerS,
      results_per_s: result.resultsPerS,
    },
    faults: faultsOf(result, requests, kills),
  };
};

export const bench: Bench = {
  name: 'async',
  about: 'asynchronous predictions are answered once, whatever is killed',
  run,
};
