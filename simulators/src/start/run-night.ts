/** `npm start -- --night`: simulated days in seconds, with a scoring run each night, until the last morning. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ScoringRun } from '@shoal/protocol';
import Table from 'cli-table3';
import { LightFleet } from '../light-fleet.ts';
import { scenarioSchema, type Scenario } from '../scenario.ts';
import { seededRandom } from '../seeded-random.ts';
import { Testbed } from '../testbed.ts';
import { defineNightly, fleetScores, NIGHTLY_JOB, publishedNights, type PumpScore } from './nightly-scores.ts';
import type { StartOptions } from './options.ts';
import type { RunSurroundings } from './run-surroundings.ts';
import { welcome } from './welcome.ts';

const DAY_MS = 86_400_000;
/** A day in fifteen seconds. */
const SPEED = 5_760;
const SAMPLE_PERIOD_MS = 600_000;
const DEFAULT_DEVICES = 12;
const WORST_SHOWN = 5;
const LOOK_EVERY_MS = 250;

/** Every third pump wears: one thing grows steadily until it is worn out. */
const wearing = (options: StartOptions, total: number): Scenario => {
  const kinds = [
    { kind: 'valve-closing', severity: 0.4 },
    { kind: 'imbalance', severity: 0.25 },
    { kind: 'cavitation', severity: 0.6 },
  ] as const;
  return scenarioSchema.parse({
    name: 'nights',
    seed: options.seed,
    devices: { total, full: 0 },
    samplePeriodMs: SAMPLE_PERIOD_MS,
    pumps: Array.from({ length: total }, (_, device) => device)
      .filter((device) => device % 3 === 1)
      .map((device, index) => ({
        device,
        faults: [{ ...kinds[index % kinds.length], onsetMs: DAY_MS, rampMs: (12 + 4 * index) * DAY_MS }],
      })),
  });
};

const morning = (run: ScoringRun, worst: readonly PumpScore[], httpUrl: string): string => {
  const table = new Table({
    head: ['pump', 'health', 'days to threshold'],
    colAligns: ['left', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const { deviceId, health, daysToThreshold } of worst)
    table.push([deviceId, health.toFixed(2), daysToThreshold >= 90 ? '–' : daysToThreshold.toFixed(0)]);
  const { rows = 0, quarantined = 0 } = run.summary ?? {};
  return [
    `${new Date(run.asOf).toISOString().slice(0, 10)}: ${rows} pumps scored, ${quarantined} set aside`,
    table.toString(),
    `${httpUrl}/api/scoring/runs/${run.id}/report`,
  ].join('\n');
};

/** @returns the exit code: 1 when a night had no run */
export const runNight = async (options: StartOptions, around: RunSurroundings): Promise<number> => {
  const { terminal, dataDir, environment, ports, signal } = around;
  const setAt = Date.now();
  const trueNow = (): number => Math.floor(setAt + (Date.now() - setAt) * SPEED);
  const total = options.devices ?? DEFAULT_DEVICES;
  const scenario = wearing(options, total);
  const deviceIds = Array.from({ length: total }, (_, index) => `pump-${String(index + 1).padStart(2, '0')}`);
  const clock = { SHOAL_SIMULATION_CLOCK_SPEED: String(SPEED), SHOAL_SIMULATION_CLOCK_SET_AT_MS: String(setAt) };
  const bed = new Testbed({
    dataDir: `${dataDir}/server`,
    ...ports,
    environment: { ...environment, ...clock },
    random: seededRandom('nights'),
    badNetwork: false,
  });
  const places = { ...(await bed.start()), dataDir };
  const light = new LightFleet({
    host: '127.0.0.1',
    port: bed.devicePort,
    scenario,
    deviceId: (index) => deviceIds[index] ?? '',
    trueNow,
    runId: randomBytes(8).toString('hex'),
    speed: SPEED,
  });
  const end = new AbortController();
  try {
    terminal.say(
      `${welcome(places)}\nA day passes in ${DAY_MS / SPEED / 1_000} seconds; ${total} pumps, scored every night at two.`,
    );
    const utc = { zone: 'UTC', misfire: 'all', jitterS: 0, overlap: 'queue' } as const;
    await defineNightly(bed.httpUrl, { cron: '0 2 * * *', blackout: [], ...utc });
    light.start(end.signal);
    const shown = new Set<string>();
    while (shown.size < options.nights && !signal.aborted) {
      for (const run of (await publishedNights(bed.httpUrl)).toReversed()) {
        if (shown.has(run.id) || run.asOf < setAt) continue;
        shown.add(run.id);
        const scores = run.isPublished ? await fleetScores(bed.httpUrl, deviceIds) : [];
        terminal.say(morning(run, scores.slice(0, WORST_SHOWN), bed.httpUrl));
      }
      if (trueNow() - setAt > (options.nights + 3) * DAY_MS) {
        terminal.say(`${NIGHTLY_JOB} has ${shown.size} runs after ${options.nights + 3} days.`);
        return 1;
      }
      await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
    return 0;
  } finally {
    light.fallSilent();
    await Promise.allSettled([light.stop()]);
    end.abort();
    await bed.stop();
  }
};
