/**
 * Installs mutants as an agent does: gate, load and golden vectors on probation, then the trial, and what is harmless leaves again.
 * One after the other in each of a few supervisors, so that what one leaves behind meets the next.
 */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineSupervisor, type Bundle } from '@shoal/models';
import { mutate } from './mutants.ts';
import { outcomeOfCode, OUTCOMES, type Outcome } from './outcomes.ts';

export interface Original {
  readonly bundle: Bundle;
  /** What mutates: the model file, and each file of weights. */
  readonly files: readonly { readonly path: string; readonly bytes: Uint8Array }[];
}

export interface TrialOptions {
  readonly folder: string;
  /** What the mutant with that number is made of. */
  readonly originalOf: (number: number) => Original;
  readonly mutants: number;
  /** Supervisors side by side. */
  readonly lanes: number;
  /** Of the mutant with that number. */
  readonly randomOf: (number: number) => () => number;
  readonly log: (line: string) => void;
}

export interface TrialResult {
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly faults: readonly string[];
}

const LIMITS = { hardLimitMs: 2_000, loadLimitMs: 10_000 };
const TALK_EVERY = 1_000;

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** The bundle around a mutant: whoever packs it gives it the digests of what it holds. */
const mutantOf = async ({ bundle, files }: Original, folder: string, random: () => number): Promise<Bundle> => {
  const victim = files[Math.floor(random() * files.length)];
  if (victim === undefined) throw new Error('There is nothing to mutate.');
  const bytes = mutate(victim.bytes, random);
  const path = join(folder, 'mutant');
  await writeFile(path, bytes);
  const digest = sha256(bytes);
  const key = sha256(`${bundle.modelKey} ${victim.path} ${digest}`);
  const own = { modelKey: key, digest: key };
  if (victim.path === bundle.modelPath) return { ...bundle, ...own, modelPath: path, modelSha256: digest };
  const weights = bundle.weights.map((file) => (file.path === victim.path ? { ...file, path, sha256: digest } : file));
  return { ...bundle, ...own, weights };
};

const install = async (supervisor: EngineSupervisor, bundle: Bundle): Promise<Outcome> => {
  const model = await supervisor.load(bundle);
  try {
    const { status, reason } = model.state();
    if (status === 'ready') return 'harmless';
    const outcome = outcomeOfCode(reason?.code ?? '');
    if (outcome === undefined) throw new Error(`Refused with ${reason?.code}: ${reason?.message}`);
    return outcome;
  } finally {
    await model.close();
  }
};

export const tryMutants = async (options: TrialOptions): Promise<TrialResult> => {
  const { originalOf, randomOf, folder, mutants, lanes, log } = options;
  const outcomes = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  const faults: string[] = [];
  let next = 0;
  const runLane = async (lane: number): Promise<void> => {
    const own = join(folder, `lane-${lane}`);
    await mkdir(own);
    const supervisor = new EngineSupervisor({
      agentVersion: 'bench',
      allowed: ['native-child', 'tfjs-child'],
      limits: LIMITS,
    });
    try {
      for (let number = next++; number < mutants; number = next++) {
        try {
          outcomes[await install(supervisor, await mutantOf(originalOf(number), own, randomOf(number)))] += 1;
        } catch (error) {
          faults.push(`mutant ${number}: ${error instanceof Error ? error.message : String(error)}`);
        }
        if ((number + 1) % TALK_EVERY === 0) log(`${number + 1} mutants: ${JSON.stringify(outcomes)}`);
      }
    } finally {
      await supervisor.close();
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => runLane(lane)));
  return { outcomes, faults };
};
