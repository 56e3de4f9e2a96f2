/** `npm start -- --night`: simulated days in seconds, with a scoring run each night, until the last morning. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ScoringRun } from '@shoal/protocol';
import Table from 'cli-table3';
import { LightFleet } from '../light-fleet.ts';
import { scenarioSchema, type Scenario } from '../scenario.ts';
import { seededRandom } from '../seeded-random.ts';
import { Testbed } from '../testbed.ts';
import {
  defineNightly,
  fleetScores,
  NIGHTLY_JOB,
  publishedNights,
  runReport,
  type PumpScore,
} from './nightly-scores.ts';
import type { StartOptions } from './options.ts';
import type { RunSurroundings } from './run-surroundings.ts';
import { welcome } from './welcome.ts';

const DAY_MS = 86_400_000;
/** A day in fifteen seconds. */
const SPEED = 5_760;
const SAMPLE_PERIOD_MS = 600_000;
const DEFAULT_DEVICES = 12;
const WORST_SHOWN = 5;
/** As the model gives it when there is no trend. */
const NO_TREND_DAYS = 90;
const LOOK_EVERY_MS = 250;
/** The first night may lie a day off, and a slow machine may be late. */
const PATIENCE_DAYS = 3;

/** Every third pump wears: one thing grows steadily until it is worn out. */
const wearing = (seed: string, total: number): Scenario => {
  const kinds = [
    { kind: 'valve-closing', severity: 0.4 },
    { kind: 'imbalance', severity: 0.25 },
    { kind: 'cavitation', severity: 0.6 },
  ] as const;
  return scenarioSchema.parse({
    name: 'nights',
    seed,
    devices: { total, full: 0 },
    samplePeriodMs: SAMPLE_PERIOD_MS,
    pumps: Array.from({ length: total }, (_, device) => device)
      .filter((device) => device % 3 === 1)
      .map((device, index) => ({
        device,
        faults: [{ ...kinds[index % kinds.length], rampMs: (10 + 4 * index) * DAY_MS }],
      })),
  });
};

const dateOf = ({ asOf }: ScoringRun): string => new Date(asOf).toISOString().slice(0, 10);

const morning = (run: ScoringRun, worst: readonly PumpScore[], report: string): string => {
  const table = new Table({
    head: ['pump', 'health', 'days to threshold'],
    colAligns: ['left', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const { deviceId, health, daysToThreshold } of worst)
    table.push([deviceId, health.toFixed(2), daysToThreshold >= NO_TREND_DAYS ? '–' : daysToThreshold.toFixed(0)]);
  const { rows = 0, quarantined = 0 } = run.summary ?? {};
  return `${dateOf(run)}: ${rows} pumps scored, ${quarantined} set aside\n${table.toString()}\nreport: ${report}`;
};

interface Nights {
  readonly httpUrl: string;
  readonly deviceIds: readonly string[];
  readonly reportsDir: string;
  readonly wanted: number;
  readonly trueNow: () => number;
}

/** Tells each morning as it comes. @returns the exit code */
const watchNights = async (nights: Nights, { terminal, signal }: RunSurroundings): Promise<number> => {
  const { httpUrl, deviceIds, reportsDir, wanted, trueNow } = nights;
  const begunAt = trueNow();
  const shown = new Set<string>();
  while (shown.size < wanted && !signal.aborted) {
    for (const run of (await publishedNights(httpUrl)).toReversed()) {
      // On the first night there may be nobody yet.
      if (shown.has(run.id) || run.asOf < begunAt || run.summary?.rows === 0) continue;
      shown.add(run.id);
      const report = join(reportsDir, `${dateOf(run)}.html`);
      writeFileSync(report, await runReport(httpUrl, run.id));
      const scores = run.isPublished ? await fleetScores(httpUrl, deviceIds) : [];
      terminal.say(morning(run, scores.slice(0, WORST_SHOWN), report));
    }
    const days = (trueNow() - begunAt) / DAY_MS;
    if (days > wanted + PATIENCE_DAYS) {
      terminal.say(`${NIGHTLY_JOB} has ${shown.size} runs after ${Math.floor(days)} days.`);
      return 1;
    }
    await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return 0;
};

/** @returns the exit code: 1 when a night had no run */
export const runNight = async (options: StartOptions, around: RunSurroundings): Promise<number> => {
  const { terminal, dataDir, environment, ports } = around;
  const setAt = Date.now();
  const trueNow = (): number => Math.floor(setAt + (Date.now() - setAt) * SPEED);
  const total = options.devices ?? DEFAULT_DEVICES;
  const deviceIds = Array.from({ length: total }, (_, index) => `pump-${String(index + 1).padStart(2, '0')}`);
  const clock = { SHOAL_SIMULATION_CLOCK_SPEED: String(SPEED), SHOAL_SIMULATION_CLOCK_SET_AT_MS: String(setAt) };
  const bed = new Testbed({
    dataDir: `${dataDir}/server`,
    ...ports,
    environment: { ...environment, ...clock },
    random: seededRandom('nights'),
    badNetwork: false,
  });
  const { httpUrl, mqttUrl } = await bed.start();
  const light = new LightFleet({
    host: '127.0.0.1',
    port: bed.devicePort,
    scenario: wearing(options.seed, total),
    deviceId: (index) => deviceIds[index] ?? '',
    trueNow,
    runId: randomBytes(8).toString('hex'),
    speed: SPEED,
  });
  const end = new AbortController();
  try {
    terminal.say(welcome({ httpUrl, mqttUrl, dataDir }));
    terminal.say(`A day takes ${DAY_MS / SPEED / 1_000} seconds; ${total} pumps are scored every night at two.`);
    const times = { cron: '0 2 * * *', zone: 'UTC', jitterS: 0, blackout: [] };
    await defineNightly(httpUrl, { ...times, misfire: 'all', overlap: 'queue' });
    light.start(end.signal);
    const reportsDir = join(dataDir, 'reports');
    mkdirSync(reportsDir, { recursive: true });
    return await watchNights({ httpUrl, deviceIds, reportsDir, wanted: options.nights, trueNow }, around);
  } finally {
    await Promise.allSettled([light.stop()]);
    end.abort();
    await bed.stop();
  }
};
