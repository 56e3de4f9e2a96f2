/** An update of a model never costs a device its model: a crash at every call to the disk, unsynced writes thrown away, real processes killed at random. */
import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSigningKey } from '@shoal/models/trust';
import type { Bench, BenchOptions, BenchResult } from './harness.ts';
import { seededRandom } from './kill/seeded-random.ts';
import {
  enumerateCrashes,
  makeTemplate,
  type Bench as CrashBench,
  type EnumerateOptions,
} from './ota-crash/enumerate.ts';
import { killAtRandom } from './ota-crash/random-kills.ts';
import { makeReleases } from './ota-crash/releases.ts';
import { killRollouts } from './rollout/server-kills.ts';

interface Effort {
  readonly crashes: EnumerateOptions;
  /** Passes, each with other choices of what an unsynced disk kept. */
  readonly losses: readonly EnumerateOptions[];
  readonly kills: number;
  /** Rollouts to everybody and back, with the server killed once in each phase. */
  readonly rollouts: { readonly devices: number; readonly cycles: number };
}

const all = { every: 1, again: 0.5 };
const FULL: Effort = {
  crashes: { ...all, losesUnsynced: false },
  losses: Array.from({ length: 3 }, () => ({ ...all, losesUnsynced: true })),
  kills: 1_000,
  rollouts: { devices: 40, cycles: 20 },
};
const QUICK: Effort = {
  crashes: { every: 6, again: 0.3, losesUnsynced: false },
  losses: [{ every: 8, again: 0.3, losesUnsynced: true }],
  kills: 8,
  rollouts: { devices: 12, cycles: 1 },
};

type Log = BenchOptions['log'];

const MEMORY = '/dev/shm';
const SHOWN = 10;

const enumerate = async (crashBench: CrashBench, template: string, { crashes, losses }: Effort, log: Log) => {
  const crashed = await enumerateCrashes(crashBench, template, crashes);
  log(`${crashed.points} crash points, ${crashed.violations.length} violations`);
  const lost = [];
  for (const pass of losses) lost.push(await enumerateCrashes(crashBench, template, pass));
  log(`${sumOfPoints(lost)} power cuts`);
  return { crashed, lost };
};

const sumOfPoints = (passes: readonly { readonly points: number }[]): number =>
  passes.reduce((sum, { points }) => sum + points, 0);

const run = async ({ quick, seed = String(Date.now()), log }: BenchOptions): Promise<BenchResult> => {
  const effort = quick ? QUICK : FULL;
  const random = seededRandom(seed);
  log(`seed ${seed}`);
  const folder = await mkdtemp(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'shoal-ota-'));
  try {
    const director = createSigningKey();
    const releases = await makeReleases(join(folder, 'made'), director);
    const bench = { folder, releases, director, random };
    const template = await makeTemplate(bench);
    // Most of the kills wait for processes: the crashes are enumerated meanwhile.
    const [{ crashed, lost }, killed] = await Promise.all([
      enumerate(bench, template, effort, log),
      killAtRandom({ ...bench, random: seededRandom(`${seed}-kills`), template, kills: effort.kills, log }),
    ]);
    const servers = await killRollouts(effort.rollouts, log);
    const violations = [crashed, ...lost, killed].flatMap((part) => part.violations);
    return {
      figures: {
        crash_points: crashed.points,
        unsynced_loss_points: sumOfPoints(lost),
        crashes_in_recovery: [crashed, ...lost].reduce((sum, { seconds }) => sum + seconds, 0),
        random_kills: killed.kills,
        updates_under_kills: killed.updates,
        most_restarts: killed.mostRestarts,
        violations: violations.length,
        server_kills: servers.kills,
        least_kills_of_a_phase: Math.min(...Object.values(servers.phases)),
        stranded: servers.stranded,
        gates_skipped: servers.gatesSkipped,
      },
      faults: [
        ...violations.slice(0, SHOWN),
        ...servers.faults,
        ...(killed.mostRestarts > 2 ? [`an update took ${killed.mostRestarts} restarts to end`] : []),
      ],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

export const bench: Bench = {
  name: 'ota-crash',
  about:
    'a crash at every call of an update to the disk, power cuts, random kills: an intact model serves, the update ends; a killed server strands nobody',
  run,
};
