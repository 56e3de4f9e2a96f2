/**
 * Puts mutants through the gate, and those that pass through engines: a share each in a process of its own, as an install does it,
 * the rest one after the other in a process that only mutants share, so that a loss is the doing of the one it was running.
 */
import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  checkGolden,
  createNativeEngine,
  EngineSupervisor,
  gateRulesOf,
  passGate,
  type Bundle,
  type InferenceEngine,
} from '@shoal/models';
import { mutate } from './mutants.ts';
import { outcomeOf, outcomeOfCode, OUTCOMES, type Outcome } from './outcomes.ts';

export interface Original {
  readonly bundle: Bundle;
  readonly bytes: Uint8Array;
}

export interface TrialOptions {
  readonly folder: string;
  readonly originals: readonly Original[];
  /** Stays loaded in the shared process, so that it outlives each mutant. */
  readonly anchor: Bundle;
  readonly mutants: number;
  /** Of those that pass the gate, every n-th is installed as an agent installs it. */
  readonly installEvery: number;
  readonly random: () => number;
  readonly log: (line: string) => void;
}

export interface TrialResult {
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly passedGate: number;
  /** Of those, how many went the way of an install. */
  readonly installed: number;
  readonly faults: readonly string[];
}

const LIMITS = { hardLimitMs: 2_000, loadLimitMs: 10_000 };
const ALWAYS_AGAIN = { maxLosses: Number.MAX_SAFE_INTEGER, windowMs: 1, firstDelayMs: 1, maxDelayMs: 1 };

/** Probation in a process of its own, then the shared one of a supervisor that has nothing else. */
const install = async (bundle: Bundle): Promise<Outcome> => {
  const supervisor = new EngineSupervisor({ agentVersion: 'bench', allowed: ['native-child'], limits: LIMITS });
  try {
    const { status, reason } = (await supervisor.load(bundle)).state();
    if (status === 'ready') return 'harmless';
    const outcome = outcomeOfCode(reason?.code ?? '');
    if (outcome === undefined) throw new Error(`Refused with ${reason?.code}: ${reason?.message}`);
    return outcome;
  } finally {
    await supervisor.close();
  }
};

const tryInBatch = async (engine: InferenceEngine, bundle: Bundle): Promise<Outcome> =>
  outcomeOf(async () => {
    const model = await engine.load(bundle);
    try {
      await checkGolden(model, bundle.golden, engine.kind);
    } finally {
      await model.close();
    }
  });

export const tryMutants = async (options: TrialOptions): Promise<TrialResult> => {
  const { originals, random, folder, mutants, installEvery, log } = options;
  const outcomes = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  const faults: string[] = [];
  const engine = createNativeEngine({ ...LIMITS, restartPolicy: ALWAYS_AGAIN });
  let passedGate = 0;
  let installed = 0;
  const tryOne = async (number: number): Promise<Outcome> => {
    const original = originals[number % originals.length];
    if (original === undefined) throw new Error('There is no model to mutate.');
    const bytes = mutate(original.bytes, random);
    const { manifest } = original.bundle;
    const gated = await outcomeOf(async () => void passGate(bytes, gateRulesOf(manifest)));
    if (gated !== 'harmless') return 'refused_by_gate';
    passedGate += 1;
    const modelPath = join(folder, 'mutant.onnx');
    await writeFile(modelPath, bytes);
    const modelSha256 = createHash('sha256').update(bytes).digest('hex');
    const bundle = { ...original.bundle, modelPath, modelSha256 };
    if (passedGate % installEvery !== 0) return tryInBatch(engine, bundle);
    installed += 1;
    return install(bundle);
  };
  try {
    await engine.load(options.anchor);
    for (let number = 0; number < mutants; number += 1) {
      try {
        outcomes[await tryOne(number)] += 1;
      } catch (error) {
        faults.push(`mutant ${number}: ${error instanceof Error ? error.message : String(error)}`);
      }
      if ((number + 1) % 1_000 === 0) log(`${number + 1} mutants, ${passedGate} through the gate`);
    }
  } finally {
    await engine.close();
    await rm(join(folder, 'mutant.onnx'), { force: true });
  }
  return { outcomes, passedGate, installed, faults };
};
