/**
 * The fallback of a device under a fleet that is healthy, cut off, slow and dead: every window answered within its budget; and what
 * asking is worth. Labelled recordings (`--data DIR`, for example SKAB) are judged beside simulated ones.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom, Testbed } from '@shoal/simulators';
import { accuracy, type Accuracy } from './fallback/accuracy.ts';
import { playPhases, type PhasesResult } from './fallback/phases.ts';
import { writeRecordings } from './fallback/recordings.ts';
import type { Bench, BenchOptions, BenchResult } from './harness.ts';

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
  const total = (of: (phase: PhasesResult['phases'][number]) => number): number =>
    phases.reduce((sum, phase) => sum + of(phase), 0);
  const [healthy] = phases;
  const windows = total((phase) => phase.windows);
  return {
    windows,
    answered_in_budget_pct: share(windows - total((phase) => phase.overBudget) - result.unanswered, windows),
    longest_ms: rounded(Math.max(...phases.map(({ longestMs }) => longestMs))),
    breaker_opened: result.opened,
    breaker_closed: result.closed,
    highest_queued: result.highestQueued,
    highest_under_way: result.highestUnderWay,
    remote_pct_healthy: share(healthy?.answers['cloud'] ?? 0, healthy?.asked ?? 0),
    abstained_pct_healthy: share(healthy?.answers['abstained'] ?? 0, healthy?.windows ?? 0),
    hard_examples: result.hardExamples,
  };
};

const accuracyFigures = (prefix: string, { f1, askedPct, recordings }: Accuracy): BenchResult['figures'] => ({
  [`${prefix}f1_device`]: rounded(f1.device),
  [`${prefix}f1_joint`]: rounded(f1.joint),
  [`${prefix}f1_server`]: rounded(f1.server),
  [`${prefix}asked_pct`]: rounded(askedPct),
  [`${prefix}recordings`]: recordings,
});

const phaseFaults = (result: PhasesResult): string[] => [
  ...result.faults,
  ...(result.highestUnderWay > BOUNDED ? [`${result.highestUnderWay} questions were on their way at once.`] : []),
  ...(result.dropped > 0 ? [`${result.dropped} windows were given up.`] : []),
  ...(result.unanswered > 0 ? [`${result.unanswered} windows were not answered.`] : []),
];

const run = ({ quick, data, log }: BenchOptions): Promise<BenchResult> =>
  withBed(async (bed, dataDir) => {
    const result = await playPhases(bed, dataDir, { windowsEach: quick ? 30 : 150, log });
    for (const { name, windows, answers, asked, overBudget } of result.phases)
      log(`${name}: ${windows} windows, ${asked} asked, ${overBudget} over budget, ${JSON.stringify(answers)}`);
    const place = { httpUrl: bed.httpUrl, devicePort: bed.devicePort, dataDir };
    const folder = await writeRecordings(join(dataDir, 'recordings'), quick ? 4 : 12, 'fallback');
    const simulated = await accuracy(folder, 'sim', place);
    const recorded = data === undefined ? undefined : await accuracy(data, 'rec', place);
    return {
      figures: {
        ...phaseFigures(result),
        ...accuracyFigures('', simulated),
        ...(recorded !== undefined && accuracyFigures('recorded_', recorded)),
      },
      faults: [...phaseFaults(result), ...simulated.faults, ...(recorded?.faults ?? [])],
    };
  });

export const bench: Bench = {
  name: 'fallback',
  about: 'a device asks the fleet when it is unsure, and answers in time whatever becomes of the fleet',
  run,
};
