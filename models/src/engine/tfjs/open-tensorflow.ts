/** Opens TensorFlow.js on the best backend of this machine: tfjs-node where it is installed and works, else WebAssembly. */
import util from 'node:util';
import { fileURLToPath } from 'node:url';
import { NODE_BINDING } from './node-binding.ts';

export type TensorFlow = typeof import('@tensorflow/tfjs');

/** `import()`, or what a test puts in its place. */
export type ImportModule = (specifier: string) => Promise<unknown>;

export interface OpenTensorFlow {
  readonly tf: TensorFlow;
  /** Name of the backend that models are loaded on first. */
  readonly backend: string;
}

/** tfjs-node 4.22 calls it while it is imported; Node 23 removed it (tfjs#8609). */
const restoreIsNullOrUndefined = (): void => {
  if ('isNullOrUndefined' in util) return;
  Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined });
};

const doubles = (tf: TensorFlow): boolean => tf.tidy(() => tf.add(tf.scalar(21), tf.scalar(21)).dataSync()[0] === 42);

/** Null unless it is installed, loads and computes. */
const openNodeBinding = async (importModule: ImportModule): Promise<TensorFlow | null> => {
  restoreIsNullOrUndefined();
  try {
    const binding = (await importModule(NODE_BINDING)) as TensorFlow & { readonly default?: TensorFlow };
    const tf = binding.default ?? binding;
    return (await tf.setBackend('tensorflow')) && doubles(tf) ? tf : null;
  } catch {
    return null;
  }
};

/** The module of Emscripten behind the backend, as far as it is guarded. */
interface WasmMemory {
  _malloc: (this: void, bytes: number) => number;
  _free: (this: void, address: number) => void;
}

/** Without this a full memory gives address 0, and the backend writes there, over its own data. */
const refuseAddressZero = (wasm: WasmMemory): void => {
  // The first call puts the true function in place of a stub, and would put it in place of ours.
  wasm._free(wasm._malloc(1));
  const allocate = wasm._malloc;
  wasm._malloc = (bytes) => {
    const address = allocate(bytes);
    if (address === 0 && bytes > 0) throw new Error(`WebAssembly memory: failed to allocate memory of ${bytes} bytes`);
    return address;
  };
};

const openWasm = async (importModule: ImportModule): Promise<TensorFlow> => {
  const tf = (await importModule('@tensorflow/tfjs')) as TensorFlow;
  const { setWasmPaths } = (await importModule('@tensorflow/tfjs-backend-wasm')) as {
    readonly setWasmPaths: (folder: string) => void;
  };
  // Without PROD the cpu backend prints an advertisement, and without a path the backend looks on the network.
  tf.env().set('PROD', true);
  setWasmPaths(fileURLToPath(new URL('./', import.meta.resolve('@tensorflow/tfjs-backend-wasm'))));
  if (!(await tf.setBackend('wasm'))) throw new Error('The WebAssembly backend of TensorFlow.js does not start');
  refuseAddressZero((tf.backend() as unknown as { readonly wasm: WasmMemory }).wasm);
  return tf;
};

/** Throws when not even WebAssembly works. */
export const openTensorFlow = async (importModule: ImportModule): Promise<OpenTensorFlow> => {
  const tf = (await openNodeBinding(importModule)) ?? (await openWasm(importModule));
  return { tf, backend: tf.getBackend() };
};
