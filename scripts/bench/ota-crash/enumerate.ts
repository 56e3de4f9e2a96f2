/** A crash at every call of the updater to its disk, in every moment of the call, with and without a power cut; then another one while it recovers. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyObject } from 'node:crypto';
import { nodeDisk } from '@shoal/device-agent/ota/node-disk';
import type { UpdateDisk } from '@shoal/device-agent/ota/update-disk.port';
import { CrashingDisk, MOMENTS, type CrashPoint } from './crashing-disk.ts';
import { LosingDisk } from './losing-disk.ts';
import { assignmentOf, deploymentOf, type Releases } from './releases.ts';
import {
  boot,
  copyOf,
  createDevice,
  FATES,
  judge,
  judgeServing,
  memoryBlobs,
  within,
  type Device,
  type Fate,
} from './trial.ts';

export interface Bench {
  /** A folder in memory, for there are thousands of syncs. */
  readonly folder: string;
  readonly releases: Releases;
  readonly director: KeyObject;
  readonly random: () => number;
}

/** Of a device that runs the first version and is assigned the second. */
const SECOND = 2;
const NO_CRASH: CrashPoint = { call: 0, moment: 'before' };

/** The first version is committed in it. */
export const makeTemplate = async ({ folder, releases, director }: Bench): Promise<string> => {
  const template = join(folder, 'template');
  await mkdir(template, { recursive: true });
  const device = deviceAt({ folder: template, disk: nodeDisk, releases, fate: 'good' });
  await boot(device, assignmentOf(director, releases.first, 1));
  const state = await within(device.ended(deploymentOf(1)));
  await device.updater.stop();
  if (state !== 'committed') throw new Error(`the first version ended as ${state}`);
  return template;
};

const deviceAt = (at: { folder: string; disk: UpdateDisk; releases: Releases; fate: Fate }): Device =>
  createDevice({ ...at, blobs: memoryBlobs(at.releases) });

interface Trial {
  readonly fate: Fate;
  readonly losesUnsynced: boolean;
  readonly crashes: readonly CrashPoint[];
}

interface Outcome {
  /** Crashes that came about, in their order. */
  readonly crashed: number;
  readonly violations: readonly string[];
}

/** Lives through the crashes one after the other, then runs to its end. */
const runTrial = async (bench: Bench, template: string, trial: Trial): Promise<Outcome> => {
  const { releases, director, random } = bench;
  const folder = await copyOf(template, join(bench.folder, 'device'));
  const assignment = assignmentOf(director, releases.second, SECOND);
  const violations: string[] = [];
  let crashed = 0;
  try {
    for (const point of [...trial.crashes, NO_CRASH]) {
      const losing = new LosingDisk(folder, random);
      if (trial.losesUnsynced) await losing.start();
      const death = Promise.withResolvers<'dead'>();
      const disk = new CrashingDisk(trial.losesUnsynced ? losing.disk() : nodeDisk, point, () => death.resolve('dead'));
      const device = deviceAt({ folder, disk: disk.disk(), releases, fate: trial.fate });
      const life = boot(device, assignment).then(() => device.ended(deploymentOf(SECOND)));
      const end = await within(Promise.race([life, death.promise]));
      if (end === 'dead') {
        crashed += 1;
        const digests = [releases.first.digest, releases.second.digest];
        if (device.serving.bundle !== null) violations.push(...(await judgeServing(device.serving, digests)));
        if (trial.losesUnsynced) await losing.fail();
        continue;
      }
      violations.push(...(await judge(device, end, { releases, fate: trial.fate, mayGiveUp: crashed > 1 })));
      await device.updater.stop();
      break;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const where = `${trial.fate}${trial.losesUnsynced ? ', power cut' : ''}, ${trial.crashes.map(({ call, moment }) => `${moment} call ${call}`).join(', then ')}`;
  return { crashed, violations: violations.map((problem) => `${where}: ${problem}`) };
};

export interface Enumerated {
  points: number;
  /** Of them, with a second crash during recovery. */
  readonly seconds: number;
  readonly violations: readonly string[];
}

export interface EnumerateOptions {
  readonly losesUnsynced: boolean;
  /** Every n-th call alone: 1 is all of them. */
  readonly every: number;
  /** Share of the points that crash again while they recover. */
  readonly again: number;
}

/** Every call there is: it goes on until a trial ends before its crash comes. */
export const enumerateCrashes = async (
  bench: Bench,
  template: string,
  options: EnumerateOptions,
): Promise<Enumerated> => {
  const { losesUnsynced, every, again } = options;
  const { random } = bench;
  const violations: string[] = [];
  let [points, seconds] = [0, 0];
  for (const fate of FATES) {
    let call = 1 + Math.floor(random() * every);
    for (let isOver = false; !isOver; call += every) {
      for (const moment of MOMENTS) {
        const first = { call, moment };
        const more = random() < again ? [{ call: 1 + Math.floor(random() * call), moment }] : [];
        const { crashed, violations: found } = await runTrial(bench, template, {
          fate,
          losesUnsynced,
          crashes: [first, ...more],
        });
        points += Math.min(crashed, 1);
        seconds += Math.max(0, crashed - 1);
        violations.push(...found);
        isOver ||= crashed === 0;
      }
    }
  }
  return { points, seconds, violations };
};
