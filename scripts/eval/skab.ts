/**
 * The protocol of the Skoltech Anomaly Benchmark through real agents: of each experiment the first 400 rows calibrate, without
 * labels; the rest is scored; the rows of all experiments are pooled.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCatalog, readBundle, windowedManifest } from '@shoal/models';
import { seededRandom, Testbed } from '@shoal/simulators';
import type { BenchResult } from '../bench/harness.ts';
import { baselineVerdicts } from './skab/baseline.ts';
import { confusionOf, pooled, scoreOf, type Confusion } from './skab/confusion.ts';
import { findExperiments, type Experiment } from './skab/experiments.ts';
import { judge, type FleetPlace, type JudgedDevice } from './skab/judged-device.ts';
import { rowVerdicts } from './skab/row-verdicts.ts';

const CALIBRATION_ROWS = 400;
/** Agents at the same time, each with its own engine process. */
const ABREAST = 4;

export interface EvaluationOptions {
  readonly data?: string | undefined;
  readonly log: (line: string) => void;
}

interface Judged {
  readonly experiment: Experiment;
  readonly device: JudgedDevice;
  readonly model: Confusion;
  readonly baseline: Confusion;
}

const EMPTY = {
  f1: null,
  far_pct: null,
  mar_pct: null,
  baseline_f1: null,
  baseline_far_pct: null,
  baseline_mar_pct: null,
  files: 0,
  rows: 0,
};

const notRun = (sentence: string): BenchResult => ({ figures: EMPTY, faults: [sentence] });

const hopOf = async (): Promise<number> => {
  const entry = (await readCatalog()).filter(({ name }) => name === 'pump-anomaly').at(-1);
  const bundle = await readBundle(entry?.folder ?? '', { signaturePolicy: 'allow-unsigned' });
  return windowedManifest(bundle.manifest).window.hopMs;
};

const judged = async (experiment: Experiment, index: number, hopMs: number, place: FleetPlace): Promise<Judged> => {
  const { rows } = experiment;
  const device = await judge(experiment, `skab-${index}`, CALIBRATION_ROWS, place);
  const times = rows.map(({ observedAt }) => observedAt);
  const labels = rows.map(({ isAnomaly }) => isAnomaly).slice(CALIBRATION_ROWS);
  const counted = (verdicts: readonly boolean[]): Confusion => confusionOf(verdicts.slice(CALIBRATION_ROWS), labels);
  return {
    experiment,
    device,
    model: counted(rowVerdicts(times, device.verdicts, hopMs)),
    baseline: counted(baselineVerdicts(rows, CALIBRATION_ROWS)),
  };
};

/** All of them, a few at a time, in the order of `experiments`. */
const judgeAll = async (experiments: readonly Experiment[], place: FleetPlace): Promise<Judged[]> => {
  const hopMs = await hopOf();
  const results: Judged[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < experiments.length; index = next++) {
      const experiment = experiments[index];
      if (experiment !== undefined) results[index] = await judged(experiment, index, hopMs, place);
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, work));
  return results;
};

const withFleet = async <T>(use: (place: FleetPlace) => Promise<T>): Promise<T> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'shoal-skab-'));
  const bed = new Testbed({
    dataDir: join(dataDir, 'server'),
    environment: {},
    random: seededRandom('skab'),
    badNetwork: false,
  });
  try {
    await bed.start();
    return await use({ httpUrl: bed.httpUrl, devicePort: bed.devicePort, dataDir });
  } finally {
    await bed.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
};

const cells = (confusion: Confusion): string => {
  const { f1, farPct, marPct } = scoreOf(confusion);
  return `${f1.toFixed(3)} / ${farPct.toFixed(1).padStart(4)} / ${marPct.toFixed(1).padStart(4)}`;
};

const line = (name: string, model: Confusion, baseline: Confusion, more = ''): string =>
  `${name.padEnd(24)} ${cells(model).padEnd(24)} ${cells(baseline).padEnd(24)} ${more}`;

const report = (results: readonly Judged[], log: EvaluationOptions['log']): void => {
  log('F1 / FAR % / MAR %        model                    baseline                 calibration');
  for (const { experiment, device, model, baseline } of results) {
    const { calibrationWindows: windows, threshold, isSteady } = device;
    const how = `${windows} windows, threshold ${threshold.toFixed(2)}${isSteady ? '' : ', unsteady'}`;
    log(line(experiment.name, model, baseline, how));
  }
  for (const family of new Set(results.map(({ experiment }) => experiment.family))) {
    const own = results.filter(({ experiment }) => experiment.family === family);
    log(line(`all of ${family}`, pooled(own.map(({ model }) => model)), pooled(own.map(({ baseline }) => baseline))));
  }
};

const rounded = (value: number): number => Number(value.toFixed(4));

const run = async ({ data, log }: EvaluationOptions): Promise<BenchResult> => {
  if (data === undefined) return notRun('Name the folder of the recordings: --data DIR (SKAB: github.com/waico/SKAB).');
  const found = await findExperiments(data);
  const experiments = found.filter(({ rows }) => rows.length > CALIBRATION_ROWS);
  if (experiments.length === 0)
    return notRun(`${data} holds no CSV file with a column "anomaly" and more than ${CALIBRATION_ROWS} rows.`);
  for (const { name } of found.filter((experiment) => !experiments.includes(experiment)))
    log(`${name} is left out: it has no rows beyond those that calibrate.`);
  const results = await withFleet(async (place) => judgeAll(experiments, place));
  report(results, log);
  const [model, baseline] = [
    scoreOf(pooled(results.map((result) => result.model))),
    scoreOf(pooled(results.map((result) => result.baseline))),
  ];
  return {
    figures: {
      f1: rounded(model.f1),
      far_pct: rounded(model.farPct),
      mar_pct: rounded(model.marPct),
      baseline_f1: rounded(baseline.f1),
      baseline_far_pct: rounded(baseline.farPct),
      baseline_mar_pct: rounded(baseline.marPct),
      files: results.length,
      rows: experiments.reduce((sum, { rows }) => sum + rows.length - CALIBRATION_ROWS, 0),
    },
    faults: results.flatMap(({ device }) => device.faults),
  };
};

export const evaluation = {
  name: 'skab',
  about: 'anomalies of a pump found by real agents, by the protocol of the Skoltech Anomaly Benchmark',
  run,
};
