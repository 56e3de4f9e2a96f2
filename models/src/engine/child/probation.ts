/** The first load of a model: alone in a process, tightly watched, until it has shown what it should. */
import { checkGolden } from '../../bundle/golden.ts';
import type { EngineKind } from '../../bundle/manifest.ts';
import type { Bundle } from '../../bundle/read-bundle.ts';
import { checkSignature } from '../check-signature.ts';
import { checkInputs } from '../check-tensors.ts';
import { loadInto, runIn, sessionKey } from './child-calls.ts';
import type { ChildLimits, EngineChild } from './engine-child.ts';

export interface ProbationOptions {
  readonly kind: EngineKind;
  readonly limits: (memoryMb: number) => ChildLimits;
  readonly hardLimitMs: number;
  readonly loadLimitMs: number;
  readonly maxRequestBytes: number;
}

/** Nobody waits for these answers, but a device has better things to do. */
const MOST_MS = { run: 10_000, load: 30_000 };
/** A model that fills memory is seen before the device feels it. */
const POLL_MS = 50;

/** How a process is watched while a model is on probation in it. */
export const probationLimits = (
  { resources }: Bundle['manifest'],
  { limits }: Pick<ProbationOptions, 'limits'>,
): ChildLimits => ({ ...limits(resources.memoryMb), pollMs: POLL_MS });

/**
 * Gate, load, signature, golden vectors, finite outputs; the model stays loaded. Rejects with the first failure (MODEL_*,
 * GOLDEN_MISMATCH, OUTPUT_*, ENGINE_*); nothing is tried twice.
 */
export const runProbation = async (child: EngineChild, bundle: Bundle, options: ProbationOptions): Promise<void> => {
  const { signature } = bundle.manifest;
  child.watch(probationLimits(bundle.manifest, options));
  const model = sessionKey(bundle);
  const loaded = await loadInto(child, model, bundle, Math.min(options.loadLimitMs, MOST_MS.load));
  checkSignature(loaded, signature);
  const limitMs = Math.min(options.hardLimitMs, MOST_MS.run);
  const subject: Parameters<typeof checkGolden>[0] = {
    infer: async (inputs) => {
      checkInputs(inputs, signature, options.maxRequestBytes);
      return runIn(child, { model, signature, inputs, maxAnswerBytes: options.maxRequestBytes }, limitMs);
    },
  };
  await checkGolden(subject, bundle.golden, options.kind);
};
