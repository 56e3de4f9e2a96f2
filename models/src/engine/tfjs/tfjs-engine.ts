/** The engine of TensorFlow.js models: tfjs-node where it is installed and works, else its WebAssembly backend, in a child process. */
import { DEFAULT_RESTART_POLICY } from '../child/restart-policy.ts';
import { ChildEngine, type ChildEngineOptions } from '../child/supervisor.ts';
import { ENGINE_DEFAULTS, megabytes } from '../engine-defaults.ts';
import type { InferenceEngine } from '../inference-engine.port.ts';
import { NODE_BINDING } from './node-binding.ts';

/** Resident MB of the process before any model, with room for what V8 compiles while it gets warm. */
const RUNTIME_MB = 180;
/** libtensorflow and its thread pools come on top where tfjs-node is installed. */
const NODE_BINDING_MB = 250;
/** MB of WebAssembly memory the backend itself wants. */
const RUNTIME_WASM_MB = 32;
const PAGES_PER_MB = 16;
/** MB of writable memory the process has mapped before any model; most of it V8 never touches. */
const RUNTIME_DATA_MB = 900;
/** Caps grow in steps, so that one more small model does not cost a new process. */
const STEP_MB = 128;

const residentMb = (): number => {
  try {
    import.meta.resolve(NODE_BINDING);
    return RUNTIME_MB + NODE_BINDING_MB;
  } catch {
    return RUNTIME_MB;
  }
};

/**
 * Does nothing until a bundle is loaded. The page cap holds what lives in WebAssembly, the cap on writable memory what a model
 * takes outside of it; `ulimit -v` would not hold, since V8 reserves address space per memory.
 */
export const createTfjsEngine = (options: Partial<ChildEngineOptions> = {}): InferenceEngine => {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const entry = new URL(`./tfjs-child${extension}`, import.meta.url);
  const steps = (memoryMb: number): number => Math.ceil(memoryMb / STEP_MB) * STEP_MB;
  return new ChildEngine({
    ...ENGINE_DEFAULTS,
    kind: 'tfjs-child',
    restartPolicy: DEFAULT_RESTART_POLICY,
    launch: (memoryMb) => ({
      entry,
      virtualMemoryKb: null,
      dataKb: (RUNTIME_DATA_MB + 2 * steps(memoryMb)) * 1_024,
      nodeFlags: [`--wasm-max-mem-pages=${(RUNTIME_WASM_MB + steps(memoryMb)) * PAGES_PER_MB}`],
    }),
    limits: (memoryMb) => ({ startMs: 60_000, pollMs: 500, residentBytes: megabytes(residentMb() + memoryMb) }),
    ...options,
  });
};
