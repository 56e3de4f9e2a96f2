/**
 * The fallback of a device under a fleet that is healthy, cut off, slow and dead: every window answered within its budget; and what
 * asking is worth on labelled recordings (`--data DIR`), by real agents and a real server.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom, Testbed } from '@shoal/simulators';
import { accuracy, type Accuracy } from './fallback/accuracy.ts';
import { IN_BUDGET_MS, playPhases, type PhasesResult } from './fallback/phases.ts';
import type { Bench, BenchOptions, BenchResult } from './harness.ts';
import { ROOT } from './load/built-server.ts';

/** Of a quick run, spread over all of them. */
const QUICK_RECORDINGS = 3;
/** Questions that may be on their way. */
const BOUNDED = 8;

const rounded = (value: number): number => Number(value.toFixed(4));
const share = (part: number, whole: number): number => rounded((100 * part) / Math.max(1, whole));

const withBed = async <T>(use: (bed: Testbed, dataDir: string) => Promise<T>): Promise<T> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'shoal-fallback-'));
  const environment = { SHOAL_INFERENCE_INSTANCES: '1' };
  const options = { dataDir: join(dataDir, 'server'), environment, random: seededRandom('fallback') };
  const bed = new Testbed({ ...options, badNetwork: true });
  try {
    await bed.start();
    return await use(bed, dataDir);
  } finally {
    await bed.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
};

const phaseFigures = ({ phases, ...result }: PhasesResult): BenchResult['figures'] => {
  const [healthy] = phases;
  const byFleet = healthy?.answers['cloud'] ?? 0;
  const tookMs = phases.flatMap((phase) => phase.tookMs);
  const late = tookMs.filter((ms) => ms > IN_BUDGET_MS).length;
  return {
    windows: tookMs.length,
    answered_in_budget_pct: share(tookMs.length - late - result.unanswered, tookMs.length),
    over_budget_by_its_own_clock: result.overBudgetByItself,
    longest_ms: rounded(Math.max(...tookMs)),
    longest_stall_ms: rounded(Math.max(...phases.map(({ longestStallMs }) => longestStallMs))),
    breaker_opened: result.opened,
    breaker_closed: result.closed,
    highest_queued: Math.max(...phases.map(({ highestQueued }) => highestQueued)),
    highest_under_way: result.highestUnderWay,
    remote_pct_healthy: share(byFleet, byFleet + (healthy?.inVain ?? 0)),
    abstained_pct_healthy: share(healthy?.answers['abstained'] ?? 0, healthy?.tookMs.length ?? 0),
    hard_examples: result.hardExamples,
  };
};

const NO_ACCURACY = {
  f1_device: null,
  f1_joint: null,
  f1_server: null,
  asked_pct: null,
  server_answered_pct: null,
  recordings: 0,
};

const accuracyFigures = ({ f1, askedPct, serverPct, recordings }: Accuracy): BenchResult['figures'] => ({
  f1_device: rounded(f1.device),
  f1_joint: rounded(f1.joint),
  f1_server: rounded(f1.server),
  asked_pct: rounded(askedPct),
  server_answered_pct: rounded(serverPct),
  recordings,
});

const phaseFaults = (result: PhasesResult): string[] => [
  ...result.faults,
  ...(result.highestUnderWay > BOUNDED ? [`${result.highestUnderWay} questions were on their way at once.`] : []),
  ...(result.dropped > 0 ? [`${result.dropped} windows were given up.`] : []),
  ...(result.unanswered > 0 ? [`${result.unanswered} windows were not answered.`] : []),
];

/** The named folder, or the recordings of SKAB where they lie beside this repository. */
const recordingsIn = (data: string | undefined): string | undefined =>
  data ?? [join(ROOT, '..', 'shared', 'data', 'skab')].find((folder) => existsSync(folder));

const run = ({ quick, data, log }: BenchOptions): Promise<BenchResult> =>
  withBed(async (bed, dataDir) => {
    const result = await playPhases(bed, dataDir, { windowsEach: quick ? 30 : 150, log });
    const place = { httpUrl: bed.httpUrl, devicePort: bed.devicePort, dataDir };
    const folder = recordingsIn(data);
    // Simulated pumps would tell nothing here: their faults are found by the small model, or by neither.
    if (folder === undefined)
      log('no accuracy: name a folder of labelled recordings with --data DIR, for example SKAB');
    const judged =
      folder === undefined ? undefined : await accuracy(folder, place, quick ? QUICK_RECORDINGS : undefined);
    const isJudged = judged !== undefined && judged.recordings > 0;
    return {
      figures: { ...phaseFigures(result), ...(isJudged ? accuracyFigures(judged) : NO_ACCURACY) },
      faults: [
        ...phaseFaults(result),
        ...(judged?.recordings === 0 ? [`${folder} holds no recording with a column "anomaly".`] : []),
        ...(judged?.faults ?? []),
      ],
    };
  });

export const bench: Bench = {
  name: 'fallback',
  about: 'a device asks the fleet when it is unsure, and answers in time whatever becomes of the fleet',
  run,
};
