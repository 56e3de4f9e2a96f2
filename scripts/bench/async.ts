/** Asynchronous predictions while the server is killed: each acknowledged request is answered once, and little is computed again. */
import { killQueue, type QueueKillResult } from './async/queue-kills.ts';
import { watchTickets, type TicketVerdict } from './async/watch-tickets.ts';
import type { Bench, BenchOptions, BenchResult } from './harness.ts';
import { canTrace, INSTALL_STRACE } from './kill/processes/tracer.ts';
import { seededRandom } from './kill/seeded-random.ts';

const SCALE = {
  full: { requests: 100_000, kills: 20, watched: 600, lossPoints: 30 },
  quick: { requests: 5_000, kills: 3, watched: 150, lossPoints: 5 },
} as const;

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

const watchFaults = (verdict: TicketVerdict): string[] => {
  const { tickets, answers, unseen, promisedWithoutSync, lost, duplicated, damagedImages, unwatched } = verdict;
  const none = [
    [tickets === 0 || answers === 0 ? 1 : 0, 'kind of promise was not made, so nothing was shown of it'],
    [unseen, 'tickets or answers are not in the trace'],
    [promisedWithoutSync, 'tickets or answers left before a sync'],
    [lost, 'tickets or answers were lost with unsynced writes'],
    [duplicated, 'tickets or answers are there twice'],
    [damagedImages, 'images are damaged'],
    [unwatched.length, 'things the tracer cannot follow'],
  ] as const;
  const found = none.filter(([count]) => count > 0).map(([count, what]) => `Under strace: ${count} ${what}.`);
  return [...found, ...verdict.examples];
};

const run = async ({ quick, isCi, seed: given, log }: BenchOptions): Promise<BenchResult> => {
  const { requests, kills, watched, lossPoints } = quick ? SCALE.quick : SCALE.full;
  const seed = given ?? `async-${Date.now().toString(36)}`;
  log(`seed ${seed}`);
  const isTraceable = canTrace();
  if (!isTraceable) log(`${INSTALL_STRACE}; tickets are not held against system calls`);
  const verdict = isTraceable
    ? await watchTickets({ requests: watched, lossPoints, random: seededRandom(`${seed}/power`) })
    : undefined;
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
      tickets_watched: verdict?.tickets ?? null,
      answers_watched: verdict?.answers ?? null,
      told_without_sync: verdict?.promisedWithoutSync ?? null,
      unsynced_loss_images: verdict?.lossImages ?? null,
      lost_with_unsynced: verdict?.lost ?? null,
      submits_per_s: result.submitsPerS,
      results_per_s: result.resultsPerS,
    },
    faults: [
      ...(verdict === undefined ? (isCi ? [`${INSTALL_STRACE}.`] : []) : watchFaults(verdict)),
      ...faultsOf(result, requests, kills),
    ],
  };
};

export const bench: Bench = {
  name: 'async',
  about: 'asynchronous predictions are answered once, whatever is killed',
  run,
};
