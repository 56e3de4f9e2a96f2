/** The first load of a model: alone in a process of its own, tightly watched, until it has shown what it should. */
import { checkGolden } from '../../bundle/golden.ts';
import type { EngineKind } from '../../bundle/manifest.ts';
import type { Bundle } from '../../bundle/read-bundle.ts';
import { checkInputs, checkSignature } from '../check-tensors.ts';
import { loadInto, runIn } from './child-calls.ts';
import { EngineChild, type ChildLimits } from './engine-child.ts';
import type { ChildLaunch } from './spawn-child.ts';

export interface ProbationOptions {
  readonly kind: EngineKind;
  readonly launch: (memoryMb: number) => ChildLaunch;
  readonly limits: (memoryMb: number) => ChildLimits;
  readonly hardLimitMs: number;
  readonly loadLimitMs: number;
  readonly maxRequestBytes: number;
  /** Ends the process at once. */
  readonly signal: AbortSignal;
}

/** Nobody waits for these answers, but a device has better things to do. */
const MOST_MS = { run: 10_000, load: 30_000 };
/** A model that fills memory is seen before the device feels it. */
const POLL_MS = 50;

/**
 * Gate, load, signature, golden vectors, finite outputs. Rejects with the first failure (MODEL_*, GOLDEN_MISMATCH, OUTPUT_*, ENGINE_*);
 * nothing is tried twice.
 */
export const runProbation = async (bundle: Bundle, options: ProbationOptions): Promise<void> => {
  const { kind, launch, limits, maxRequestBytes, signal } = options;
  const { resources, signature } = bundle.manifest;
  const child = await EngineChild.start(launch(resources.memoryMb), { ...limits(resources.memoryMb), pollMs: POLL_MS });
  const end = (): void => void child.stop();
  signal.addEventListener('abort', end, { once: true });
  try {
    if (signal.aborted) await child.stop();
    const model = bundle.modelKey;
    const loaded = await loadInto(child, model, bundle, Math.min(options.loadLimitMs, MOST_MS.load));
    checkSignature(loaded, signature);
    const limitMs = Math.min(options.hardLimitMs, MOST_MS.run);
    const subject: Parameters<typeof checkGolden>[0] = {
      infer: async (inputs) => {
        checkInputs(inputs, signature, maxRequestBytes);
        return runIn(child, { model, signature, inputs }, limitMs);
      },
    };
    await checkGolden(subject, bundle.golden, kind);
  } finally {
    signal.removeEventListener('abort', end);
    await child.stop();
  }
};
