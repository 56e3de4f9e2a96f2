/** The same recordings judged by a device alone, by device and fleet together, and by the fleet alone. */
import { join } from 'node:path';
import { createAgent, parseAgentConfig, type AgentConfigInput } from '@shoal/device-agent';
import type { StoredPrediction } from '@shoal/protocol';
import { confusionOf, pooled, scoreOf, type Confusion } from '../../eval/skab/confusion.ts';
import { findExperiments, type Experiment } from '../../eval/skab/experiments.ts';
import type { FleetPlace } from '../../eval/skab/judged-device.ts';
import { rowVerdicts } from '../../eval/skab/row-verdicts.ts';

const MODEL = 'pump-anomaly';
const CALIBRATION_ROWS = 400;
const HOP_MS = 10_000;
const PATIENCE_MS = 120_000;
const ABREAST = 3;
const SIBLING = { [MODEL]: { model: 'pump-anomaly-full', vectors: 24 } };
/** A recording comes as fast as it is judged: its windows wait for each other, and this is about accuracy. */
const UNLIMITED = { requestsPerMinute: 60_000, burst: 10_000, budgetMs: 60_000 };

type Fallback = NonNullable<AgentConfigInput['fallback']>;
const WAYS = {
  device: {},
  joint: { ...UNLIMITED, siblings: SIBLING, policy: { nearThreshold: 0.25, auditShare: 0.005 } },
  server: { ...UNLIMITED, siblings: SIBLING, policy: { auditShare: 1 } },
} satisfies Record<string, Fallback>;
type Way = keyof typeof WAYS;

export interface Accuracy {
  readonly f1: Readonly<Record<Way, number>>;
  /** Share of the answers, with device and fleet together, that the fleet gave [%]. */
  readonly askedPct: number;
  /** Share of the answers after calibration that the fleet gave where it was asked for all [%]; less than 100 is not the server alone. */
  readonly serverPct: number;
  readonly recordings: number;
  readonly faults: readonly string[];
}

interface Judged {
  readonly confusion: Confusion;
  readonly cloud: number;
  readonly all: number;
  /** Answers while the device did not know its normal yet, when it asks nobody. */
  readonly early: number;
  readonly faults: readonly string[];
}

const stored = async (httpUrl: string, deviceId: string): Promise<StoredPrediction[]> => {
  const response = await fetch(`${httpUrl}/api/devices/${deviceId}/predictions?format=ndjson`);
  return (await response.text())
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as StoredPrediction);
};

const judge = async (
  { file, rows, name }: Experiment,
  deviceId: string,
  way: Way,
  place: FleetPlace,
): Promise<Judged> => {
  const agent = createAgent(
    parseAgentConfig({
      deviceId,
      dataDir: join(place.dataDir, deviceId),
      fleet: { port: place.devicePort },
      sensors: [{ type: 'replay', name: 'recording', file, speed: 1e9 }],
      models: [{ bundle: MODEL, version: '1.1.0', calibrationSamples: CALIBRATION_ROWS }],
      fallback: WAYS[way],
      publish: { everyNthReading: 100_000 },
      localApi: null,
      stopDrainMs: 0,
    }),
  );
  await agent.start();
  try {
    await agent.finished(AbortSignal.timeout(PATIENCE_MS));
  } finally {
    await agent.stop();
  }
  const status = agent.status();
  const shiftMs = status.sensors[0]?.timeShiftMs ?? 0;
  const predictions = await stored(place.httpUrl, deviceId);
  const made = status.models[0]?.inference.predictions ?? 0;
  const { answers = {} } = status.models[0]?.fallback ?? {};
  const verdicts = predictions
    .map(({ window, label }) => ({ endAt: window.endAt - shiftMs, isAnomaly: label === 'anomaly' }))
    .sort((a, b) => a.endAt - b.endAt);
  const times = rows.map(({ observedAt }) => observedAt);
  const labels = rows.map(({ isAnomaly }) => isAnomaly).slice(CALIBRATION_ROWS);
  return {
    confusion: confusionOf(rowVerdicts(times, verdicts, HOP_MS).slice(CALIBRATION_ROWS), labels),
    cloud: answers.cloud ?? 0,
    all: made,
    early: predictions.filter(({ degradedReason }) => degradedReason?.startsWith('Calibrating') === true).length,
    faults: predictions.length === made ? [] : [`${name}, ${way}: ${predictions.length} predictions stored of ${made}`],
  };
};

/** A few at a time. */
export const accuracy = async (folder: string, place: FleetPlace, most = Infinity): Promise<Accuracy> => {
  const all = (await findExperiments(folder)).filter(({ rows }) => rows.length > CALIBRATION_ROWS);
  const every = Math.max(1, Math.floor(all.length / most));
  const experiments = all.filter((_, i) => i % every === 0).slice(0, most);
  const ways = Object.keys(WAYS) as Way[];
  const tasks = experiments.flatMap((experiment, i) =>
    ways.map((way) => ({ way, run: () => judge(experiment, `recorded-${i}-${way}`, way, place) })),
  );
  const results: { readonly way: Way; readonly judged: Judged }[] = [];
  const work = async (): Promise<void> => {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift())
      results.push({ way: task.way, judged: await task.run() });
  };
  await Promise.all(Array.from({ length: ABREAST }, work));
  const of = (way: Way): Judged[] => results.filter((result) => result.way === way).map(({ judged }) => judged);
  const f1 = (way: Way): number => scoreOf(pooled(of(way).map(({ confusion }) => confusion))).f1;
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const [joint, server] = [of('joint'), of('server')];
  const early = sum(server.map((each) => each.early));
  return {
    f1: { device: f1('device'), joint: f1('joint'), server: f1('server') },
    askedPct: (100 * sum(joint.map(({ cloud }) => cloud))) / Math.max(1, sum(joint.map((each) => each.all))),
    serverPct: (100 * sum(server.map(({ cloud }) => cloud))) / Math.max(1, sum(server.map((each) => each.all)) - early),
    recordings: experiments.length,
    faults: results.flatMap(({ judged }) => judged.faults),
  };
};
