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
  /** From its start, which is over, to the end of its update; null when it did not come to that. */
  readonly updateMs: number | null;
}

const MOST_LIFE_MS = 30_000;

const live = (args: readonly string[], killAfterMs: number | null): Promise<Life> =>
  new Promise((resolve) => {
    const entry = fileURLToPath(new URL('./updater-process.js', import.meta.url));
    const child = spawn(process.execPath, [entry, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    let bootedAt = 0;
    let updateMs: number | null = null;
    let timer = setTimeout(() => child.kill('SIGKILL'), MOST_LIFE_MS);
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      if (line.startsWith('booted')) bootedAt = performance.now();
      if (line.startsWith('ended')) updateMs = performance.now() - bootedAt;
      if (!line.startsWith('booted') || killAfterMs === null) return;
      clearTimeout(timer);
      timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    });
    child.once('close', (_code, signal) => {
      clearTimeout(timer);
      resolve({ wasKilled: signal === 'SIGKILL', lines, updateMs });
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
/** On a machine of which nothing is known yet. */
const FIRST_GUESS_MS = 400;
/** A little later than its end, too: what comes after it is interrupted as well. */
const BEYOND = 1.2;
const WEIGHT = 0.2;

/** How long an update takes here, so that kills hit it on a quick machine as on a slow one. */
class UpdatePace {
  #ms = FIRST_GUESS_MS;

  note(ms: number | null): void {
    if (ms !== null) this.#ms += WEIGHT * (ms - this.#ms);
  }

  /** Milliseconds after the start, or null for a life that runs on to its end. */
  draw(random: () => number): number | null {
    return random() < KILLED_SHARE ? random() * BEYOND * this.#ms : null;
  }
}

/** Lives and deaths until the update has ended. */
const liveThrough = async (args: readonly string[], pace: UpdatePace, random: () => number): Promise<Ended> => {
  const violations: string[] = [];
  let [kills, restarts] = [0, 0];
  while (restarts < MOST_RESTARTS) {
    const { wasKilled, lines, updateMs } = await live(args, pace.draw(random));
    pace.note(updateMs);
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
  const pace = new UpdatePace();
  await copyOf(template, folder);
  for (let counter = 2; kills < options.kills; counter += 1) {
    const wanted = counter % 2 === 0 ? releases.second : releases.first;
    const assignment = JSON.stringify(assignmentOf(director, wanted, counter));
    const ended = await liveThrough([folder, releasesFile, assignment], pace, random);
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
