/** The native engine: onnxruntime-node in a child process. */
import { DEFAULT_RESTART_POLICY } from '../child/restart-policy.ts';
import { ChildEngine, type ChildEngineOptions } from '../child/supervisor.ts';
import type { InferenceEngine } from '../inference-engine.port.ts';
import { ENGINE_DEFAULTS, megabytes } from '../engine-defaults.ts';

/** Resident MB of the process before any model, with room for the arenas. */
const RUNTIME_MB = 140;
/** kB of address space that node and onnxruntime reserve; below about 1.2 GB node does not start. */
const RUNTIME_VIRTUAL_KB = 2_000_000;
/** Declared memory that fits into that reserve. */
const INCLUDED_MB = 256;

/** Does nothing until a bundle is loaded. */
export const createNativeEngine = (options: Partial<ChildEngineOptions> = {}): InferenceEngine => {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const entry = new URL(`./native-child${extension}`, import.meta.url);
  return new ChildEngine({
    ...ENGINE_DEFAULTS,
    kind: 'native-child',
    restartPolicy: DEFAULT_RESTART_POLICY,
    launch: (memoryMb) => ({
      entry,
      virtualMemoryKb: RUNTIME_VIRTUAL_KB + Math.max(0, memoryMb - INCLUDED_MB) * 1_024,
      nodeFlags: [],
    }),
    limits: (memoryMb) => ({ startMs: 20_000, pollMs: 1_000, residentBytes: megabytes(RUNTIME_MB + memoryMb) }),
    ...options,
  });
};
