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
  judgeAgain,
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

/** What the second version does, and to what device. */
interface Story {
  readonly fate: Fate;
  /** It ran nothing of an update before. */
  readonly isNew: boolean;
}

const STORIES: readonly Story[] = [...FATES.map((fate) => ({ fate, isNew: false })), { fate: 'good', isNew: true }];

interface Trial extends Story {
  readonly losesUnsynced: boolean;
  readonly crashes: readonly CrashPoint[];
}

interface Outcome {
  /** Crashes that came about, in their order. */
  readonly crashed: number;
  readonly violations: readonly string[];
}

interface Life extends Story {
  readonly losesUnsynced: boolean;
  readonly point: CrashPoint;
  /** Deaths before this one. */
  readonly crashed: number;
}

interface Death {
  /** It died before its update had ended. */
  readonly isEarly: boolean;
  /** Digest of what served then. */
  readonly served: string | null;
  readonly violations: readonly string[];
}

/** One process over what the one before left. It dies at its point, also while it tidies up after its update, or else at the end of its update. */
const live = async (bench: Bench, folder: string, life: Life): Promise<Death> => {
  const { releases, director, random } = bench;
  const { fate, isNew, losesUnsynced, point, crashed } = life;
  const losing = new LosingDisk(folder, random);
  if (losesUnsynced) await losing.start();
  const death = Promise.withResolvers<'dead'>();
  const disk = new CrashingDisk(losesUnsynced ? losing.disk() : nodeDisk, point, () => death.resolve('dead'));
  const device = deviceAt({ folder, disk: disk.disk(), releases, fate });
  const begun = boot(device, assignmentOf(director, releases.second, SECOND));
  const end = await within(Promise.race([begun.then(() => device.ended(deploymentOf(SECOND))), death.promise]));
  const isTidying = end !== 'dead' && point !== NO_CRASH;
  const last = isTidying ? await within(Promise.race([device.updater.stop(), death.promise])) : end;
  disk.die();
  const { bundle } = device.serving;
  const before = isNew ? null : releases.first.digest;
  const digests = [releases.first.digest, releases.second.digest];
  // Before it knew what to run nothing served, and nothing could be wrong.
  const atDeath = async (): Promise<string[]> => (bundle === null ? [] : judgeServing(device.serving, digests));
  const violations =
    end === 'dead' ? await atDeath() : await judge(device, end, { releases, fate, before, mayGiveUp: crashed > 1 });
  if (last === 'too-late') violations.push('it does not stop');
  if (losesUnsynced) await losing.fail();
  return { isEarly: last === 'dead', served: bundle?.digest ?? null, violations };
};

/** What it was told last holds after it died; the same release is offered once more. */
const liveOn = async (bench: Bench, folder: string, { fate }: Story, served: string | null): Promise<string[]> => {
  const { releases, director } = bench;
  const device = deviceAt({ folder, disk: nodeDisk, releases, fate });
  const offer = SECOND + 1;
  const begun = boot(device, assignmentOf(director, releases.second, offer));
  const state = await within(begun.then(() => device.ended(deploymentOf(offer))));
  const violations = await judgeAgain(device, state, served);
  const stopped = await within(device.updater.stop());
  return stopped === 'too-late' ? [...violations, 'started anew: it does not stop'] : violations;
};

const folderFor = async (bench: Bench, template: string, { isNew }: Story): Promise<string> => {
  const folder = join(bench.folder, 'device');
  if (!isNew) return copyOf(template, folder);
  await mkdir(folder, { recursive: true });
  return folder;
};

/** Lives through the crashes one after the other, then runs to its end, and begins once more. */
const runTrial = async (bench: Bench, template: string, trial: Trial): Promise<Outcome> => {
  const folder = await folderFor(bench, template, trial);
  const found: string[] = [];
  let crashed = 0;
  for (const point of [...trial.crashes, NO_CRASH]) {
    const { isEarly, served, violations } = await live(bench, folder, { ...trial, point, crashed });
    found.push(...violations);
    if (!isEarly) {
      found.push(...(await liveOn(bench, folder, trial, served)));
      break;
    }
    crashed += 1;
  }
  await rm(folder, { recursive: true, force: true });
  const deaths = trial.crashes.map(({ call, moment }) => `${moment} call ${call}`).join(', then ');
  const where = `${trial.isNew ? 'new device, ' : ''}${trial.fate}${trial.losesUnsynced ? ', power cut' : ''}, ${deaths}`;
  return { crashed, violations: found.map((problem) => `${where}: ${problem}`) };
};

export interface Enumerated {
  readonly points: number;
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
  for (const story of STORIES) {
    let call = 1 + Math.floor(random() * every);
    for (let isOver = false; !isOver; call += every) {
      const trials = MOMENTS.map((moment): Trial => {
        const more = random() < again ? [{ call: 1 + Math.floor(random() * call), moment }] : [];
        return { ...story, losesUnsynced, crashes: [{ call, moment }, ...more] };
      });
      const outcomes: Outcome[] = [];
      for (const trial of trials) outcomes.push(await runTrial(bench, template, trial));
      points += outcomes.filter(({ crashed }) => crashed > 0).length;
      seconds += outcomes.filter(({ crashed }) => crashed > 1).length;
      violations.push(...outcomes.flatMap((outcome) => outcome.violations));
      isOver = outcomes.some(({ crashed }) => crashed === 0);
    }
  }
  return { points, seconds, violations };
};
