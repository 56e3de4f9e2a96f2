/** Which files of which packages a device needs: pure, and the test of the packed agent runs what is left. */
import type { Target } from './target.ts';

/** Needed by install scripts, by browsers, or bundled into what imports them. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  'onnxruntime-node': ['adm-zip', 'global-agent'],
  'onnxruntime-web': ['flatbuffers', 'guid-typescript', 'long', 'platform', 'protobufjs'],
  '@tensorflow/tfjs': ['core-js', 'regenerator-runtime', 'yargs', 'argparse', 'chalk'],
  'better-sqlite3': ['node-addon-api'],
  '@serialport/bindings-cpp': ['node-addon-api'],
  mqtt: ['help-me', 'commist'],
};

export const isLeftOut = (name: string, neededBy: string): boolean =>
  name.startsWith('@types/') || name === '@webgpu/types' || (LEFT_OUT[neededBy]?.includes(name) ?? false);

/** Of these packages nothing else is used on a device. `$arch` is the target. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  '@shoal/device-agent': ['dist/'],
  '@shoal/models': ['dist/', 'catalog/'],
  '@shoal/protocol': ['dist/'],
  'onnxruntime-node': ['dist/', 'bin/napi-v6/linux/$arch/'],
  'onnxruntime-web': [
    'dist/ort.wasm.bundle.min.mjs',
    'dist/ort.wasm.min.mjs',
    'dist/ort-wasm-simd-threaded.mjs',
    'dist/ort-wasm-simd-threaded.wasm',
  ],
  'onnxruntime-common': ['dist/'],
  'better-sqlite3': ['lib/', 'prebuilds/linux-$arch.node'],
  '@serialport/bindings-cpp': ['dist/', 'prebuilds/linux-$arch/'],
  mqtt: ['build/'],
  // sketches-js needs it and does not say so.
  protobufjs: ['minimal.js', 'src/'],
};
/** Each is one bundle for Node; the WebAssembly backend has its runtime beside it. */
const TENSORFLOW = /^dist\/(tf[a-z-]*\.node\.js|tfjs-backend-wasm(-simd)?\.wasm)$/;

/** Other versions and builds of the same. */
const SPARED_FILES: Readonly<Record<string, RegExp>> = { zod: /^(v3\/|src\/|mini\/|v4-mini\/|v4\/mini\/)|\.cjs$/ };

/** Packed with another content: fifty languages of error messages, of which one is used, cost 2 MB of memory and a tenth of the start. */
export const REPLACED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  zod: { 'v4/locales/index.js': "export { default as en } from './en.js';\n" },
};

const IS_NEVER_RUN = /\.(d\.[cm]?ts|[cm]?ts|tsx|map|markdown|md|flow|tsbuildinfo|yml|gyp|h|cc|cpp)$|\.musl\.node$/;
const IS_BESIDE = /(^|\/)(\.[^/]*|__tests__|tests?|examples?|benchmarks?|bench|coverage|man)(\/|$)/;
const IS_ALWAYS_KEPT = /^(package\.json|licen[cs]e[^/]*|notice[^/]*|copying[^/]*)$/i;
/** Cards of models say what a model can do: they travel with it. */
const IS_MODEL_CARD = /^catalog\/.*\.md$/;

/** @param path inside the package, with slashes */
export const isKept = (packageName: string, path: string, target: Target): boolean => {
  if (IS_ALWAYS_KEPT.test(path) || (packageName === '@shoal/models' && IS_MODEL_CARD.test(path))) return true;
  if (SPARED_FILES[packageName]?.test(path) === true) return false;
  if (IS_NEVER_RUN.test(path) || IS_BESIDE.test(path)) return false;
  if (packageName.startsWith('@tensorflow/')) return TENSORFLOW.test(path);
  const only = ONLY[packageName]?.map((prefix) => prefix.replaceAll('$arch', target));
  return only === undefined || only.some((prefix) => path.startsWith(prefix));
};
