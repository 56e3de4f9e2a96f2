/** The second engine: the same model files in onnxruntime-web, slower, without any native code of a model's. */
import { DEFAULT_RESTART_POLICY } from '../child/restart-policy.ts';
import { ChildEngine, type ChildEngineOptions } from '../child/supervisor.ts';
import { ENGINE_DEFAULTS, megabytes } from '../engine-defaults.ts';
import type { InferenceEngine } from '../inference-engine.port.ts';

/** Resident MB of the process before any model; compiling the runtime takes most of it. */
const RUNTIME_MB = 220;
/** MB of WebAssembly memory the runtime itself wants. */
const RUNTIME_WASM_MB = 64;
const PAGES_PER_MB = 16;
/** Caps grow in steps, so that one more small model does not cost a new process. */
const STEP_MB = 128;

/** Does nothing until a bundle is loaded. `ulimit -v` would not hold: V8 reserves address space per memory. The page cap does. */
export const createWasmEngine = (options: Partial<ChildEngineOptions> = {}): InferenceEngine => {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const entry = new URL(`./wasm-child${extension}`, import.meta.url);
  return new ChildEngine({
    ...ENGINE_DEFAULTS,
    kind: 'wasm-child',
    restartPolicy: DEFAULT_RESTART_POLICY,
    launch: (memoryMb) => ({
      entry,
      virtualMemoryKb: null,
      nodeFlags: [`--wasm-max-mem-pages=${(RUNTIME_WASM_MB + Math.ceil(memoryMb / STEP_MB) * STEP_MB) * PAGES_PER_MB}`],
    }),
    limits: (memoryMb) => ({ startMs: 60_000, pollMs: 1_000, residentBytes: megabytes(RUNTIME_MB + memoryMb) }),
    ...options,
  });
};
