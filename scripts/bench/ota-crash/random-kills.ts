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
    for (let restarts = 0; ;) {
      // A kill too many in one state ends the update, as it should; half of the lives run on.
      const life = await live([folder, releasesFile, assignment], random() < 0.6 ? random() * 400 : null);
      const unsound = life.lines.filter(
        (line) => (line.startsWith('booted') && line !== 'booted sound') || line.startsWith('ended unsound'),
      );
      violations.push(...unsound);
      const end = life.lines.find((line) => line.startsWith('ended'));
      if (life.wasKilled && end === undefined) {
        kills += 1;
        restarts = 0;
        if (kills % 50 === 0) log(`${kills} kills, ${updates} updates`);
        continue;
      }
      restarts += 1;
      if (life.wasKilled) kills += 1;
      if (end === undefined) {
        violations.push(`update ${counter} ended without a word: ${life.lines.join(', ')}`);
        if (restarts > 2) break;
        continue;
      }
      updates += 1;
      mostRestarts = Math.max(mostRestarts, restarts);
      const isCommitted = end === `ended committed ${wanted.digest}`;
      if (!isCommitted && !/^ended (rejected|rolled-back)/.test(end)) violations.push(`update ${counter}: ${end}`);
      // What was given up is refused from now on: begin with a new device.
      if (!isCommitted) {
        await rm(folder, { recursive: true, force: true });
        await copyOf(template, folder);
        counter += counter % 2;
      }
      break;
    }
  }
  await rm(folder, { recursive: true, force: true });
  return { kills, updates, mostRestarts, violations };
};
