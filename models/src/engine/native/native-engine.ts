/** The native engine: onnxruntime-node in a child process. */
import { DEFAULT_RESTART_POLICY } from '../child/restart-policy.ts';
import { ChildEngine, type ChildEngineOptions } from '../child/supervisor.ts';
import type { InferenceEngine } from '../inference-engine.port.ts';
import { ENGINE_DEFAULTS, megabytes } from '../engine-defaults.ts';

/** Resident MB of the process before any model, with room for the arenas. */
const RUNTIME_MB = 140;
/**
 * kB of address space. V8 reserves what it can get: about 1.25 GB of 2, but nearly all of 3.4 and 5.4 of 10 (Node 24, x64). So
 * there are two caps and nothing between: a tight one for the models of small devices, a wide one for declared memory above.
 * Below about 1.2 GB node does not start. What is resident has its own watch.
 */
const TIGHT_CAP_KB = 2_000_000;
const TIGHT_CAP_HOLDS_MB = 256;
const WIDE_CAP_KB = 5_700_000;
/** The arena of onnxruntime grows in powers of two. */
const ARENA_FACTOR = 3;

/** The runtime is native: what little runs in JavaScript around it is not worth the memory of compilers and their threads. */
const NODE_FLAGS = ['--no-opt', '--no-sparkplug', '--optimize-for-size', '--single-threaded', '--v8-pool-size=1'];

const virtualMemoryKb = (memoryMb: number): number =>
  memoryMb <= TIGHT_CAP_HOLDS_MB ? TIGHT_CAP_KB : WIDE_CAP_KB + memoryMb * ARENA_FACTOR * 1_024;

/** Does nothing until a bundle is loaded. */
export const createNativeEngine = (options: Partial<ChildEngineOptions> = {}): InferenceEngine => {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const entry = new URL(`./native-child${extension}`, import.meta.url);
  return new ChildEngine({
    ...ENGINE_DEFAULTS,
    kind: 'native-child',
    restartPolicy: DEFAULT_RESTART_POLICY,
    launch: (memoryMb) => ({ entry, virtualMemoryKb: virtualMemoryKb(memoryMb), nodeFlags: NODE_FLAGS }),
    limits: (memoryMb) => ({ startMs: 20_000, pollMs: 1_000, residentBytes: megabytes(RUNTIME_MB + memoryMb) }),
    ...options,
  });
};
