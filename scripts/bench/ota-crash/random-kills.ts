/** Kills a real process of the updater at random moments, while it updates and while it recovers, and looks at what it serves afterwards. */
import { spawn } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { assignmentOf, type Release, type Releases } from './releases.ts';
import { copyOf } from './trial.ts';

export interface Killed {
  readonly kills: number;
  /** Updates that came to an end on the way. */
  readonly updates: number;
  /** Processes between a kill that was the last of an update and its end. */
  readonly mostRestarts: number;
  readonly violations: readonly string[];
}

interface Life {
  readonly wasKilled: boolean;
  readonly lines: readonly string[];
}

const MOST_LIFE_MS = 30_000;

const live = (args: readonly string[], killAfterMs: number | null): Promise<Life> =>
  new Promise((resolve) => {
    const entry = fileURLToPath(new URL('./updater-process.js', import.meta.url));
    const child = spawn(process.execPath, [entry, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    let timer = setTimeout(() => child.kill('SIGKILL'), MOST_LIFE_MS);
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      if (!line.startsWith('booted') || killAfterMs === null) return;
      clearTimeout(timer);
      timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    });
    child.once('close', (_code, signal) => {
      clearTimeout(timer);
      resolve({ wasKilled: signal === 'SIGKILL', lines });
    });
  });

export interface KillOptions {
  readonly folder: string;
  readonly template: string;
  readonly releases: Releases;
  readonly director: KeyObject;
  readonly random: () => number;
  readonly kills: number;
  readonly log: (line: string) => void;
}

const writeReleases = async (folder: string, { first, second, directorKeys }: Releases): Promise<string> => {
  await mkdir(folder, { recursive: true });
  for (const { version, blob } of [first, second]) await writeFile(join(folder, `${version}.blob`), blob);
  const bare = ({ blob: _blob, ...rest }: Release) => rest;
  const path = join(folder, 'releases.json');
  await writeFile(path, JSON.stringify({ first: bare(first), second: bare(second), directorKeys }));
  return path;
};

interface Ended {
  readonly kills: number;
  /** Lives from the last kill to the end. */
  readonly restarts: number;
  readonly end: string;
  readonly violations: readonly string[];
}

const MOST_RESTARTS = 5;
/** The rest of the lives run on to their end. */
const KILLED_SHARE = 0.6;
const MOST_MS = 400;

/** Lives and deaths until the update has ended. */
const liveThrough = async (args: readonly string[], random: () => number): Promise<Ended> => {
  const violations: string[] = [];
  let [kills, restarts] = [0, 0];
  while (restarts < MOST_RESTARTS) {
    const { wasKilled, lines } = await live(args, random() < KILLED_SHARE ? random() * MOST_MS : null);
    violations.push(...lines.filter((line) => line.startsWith('booted') && line !== 'booted sound'));
    const end = lines.find((line) => line.startsWith('ended'));
    if (wasKilled) kills += 1;
    restarts = wasKilled && end === undefined ? 0 : restarts + 1;
    if (end !== undefined) return { kills, restarts, end, violations };
  }
  return { kills, restarts, end: 'never ended', violations };
};

/** Update after update, back and forth between two versions. */
export const killAtRandom = async (options: KillOptions): Promise<Killed> => {
  const { template, releases, director, random, log } = options;
  const releasesFile = await writeReleases(join(options.folder, 'releases'), releases);
  const folder = join(options.folder, 'killed');
  const violations: string[] = [];
  let [kills, updates, mostRestarts] = [0, 0, 0];
  await copyOf(template, folder);
  for (let counter = 2; kills < options.kills; counter += 1) {
    const wanted = counter % 2 === 0 ? releases.second : releases.first;
    const assignment = JSON.stringify(assignmentOf(director, wanted, counter));
    const ended = await liveThrough([folder, releasesFile, assignment], random);
    const isCommitted = ended.end === `ended committed ${wanted.digest}`;
    // A death too many in one state ends an update, as it should.
    const isGivenUp = /^ended (rejected|rolled-back)/.test(ended.end);
    violations.push(...ended.violations, ...(isCommitted || isGivenUp ? [] : [`update ${counter}: ${ended.end}`]));
    if (Math.floor((kills + ended.kills) / 50) > Math.floor(kills / 50))
      log(`${kills + ended.kills} kills, ${updates} updates`);
    kills += ended.kills;
    updates += 1;
    mostRestarts = Math.max(mostRestarts, ended.restarts);
    if (isCommitted) continue;
    // What was given up is refused from now on: a new device takes its place.
    await rm(folder, { recursive: true, force: true });
    await copyOf(template, folder);
    counter += counter % 2;
  }
  await rm(folder, { recursive: true, force: true });
  return { kills, updates, mostRestarts, violations };
};
