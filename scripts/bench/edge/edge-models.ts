/** The models of the edge bench: what the catalogue has, and one of 19 MB made for it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  readBundle,
  readCatalog,
  windowedManifest,
  writeBundle,
  type Bundle,
  type WindowedManifest,
} from '@shoal/models';
import { seededRandom } from '../kill/seeded-random.ts';
import { ROOT } from '../load/built-server.ts';

export const FIRST_MODEL = 'pump-anomaly';
const SECOND_MODEL = 'pump-condition';

/** As many weights as make 19 MB of FP32. */
const WIDTHS = [1_100, 2_150, 1_100] as const;
const SCORE = 0.25;

type WriteOnnx = (graph: object) => Uint8Array;

const firstBundle = async (): Promise<Bundle> => {
  const entry = (await readCatalog()).findLast(({ name }) => name === FIRST_MODEL);
  return readBundle(entry?.folder ?? '', { signaturePolicy: 'allow-unsigned' });
};

export const firstManifest = async (): Promise<WindowedManifest> => windowedManifest((await firstBundle()).manifest);

/** Path of the weights of the first model, for onnxruntime without anything around it. */
export const firstModelFile = async (): Promise<string> => (await firstBundle()).modelPath;

/** Bundle for the configuration: the TF.js model where the catalogue has it, else a second one in ONNX, `engine` says which. */
export const secondModel = async (folder: string): Promise<{ readonly bundle: string; readonly about: string }> => {
  const entry = (await readCatalog()).findLast(({ name }) => name === SECOND_MODEL);
  if (entry !== undefined) return { bundle: SECOND_MODEL, about: `${SECOND_MODEL} ${entry.version}` };
  const bundle = join(folder, 'second-model');
  await writeNetwork(bundle, 'second-model', [64, 64], (await firstManifest()).window.hopMs);
  return { bundle, about: 'a second ONNX model' };
};

/** The first model with a window for every sample: as many inferences as there are samples, and nothing else is changed. */
export const everySample = async (folder: string): Promise<string> => {
  const like = await firstBundle();
  const { files, featureViewHash: _hash, ...manifest } = windowedManifest(like.manifest);
  const bundle = join(folder, 'every-sample');
  const window = { ...manifest.window, hopMs: 1_000 / manifest.window.sampleRateHz };
  const bytesOf = (path: string): Uint8Array => readFileSync(join(like.folder, path));
  await writeBundle(bundle, {
    manifest: { ...manifest, window },
    files: files.map(({ path, role }) => ({ path, role, bytes: bytesOf(path) })),
  });
  return bundle;
};

/** 19 MB, and a window with every sample. */
export const bigModel = async (folder: string): Promise<string> => {
  const bundle = join(folder, 'big-model');
  await writeNetwork(bundle, 'big-model', WIDTHS, 1_000);
  return bundle;
};

/** A multilayer perceptron with random weights whose last layer has none: whatever it is asked, it works and answers SCORE. */
const writeNetwork = async (folder: string, name: string, hidden: readonly number[], hopMs: number): Promise<void> => {
  const like = await firstManifest();
  const writerFile = join(ROOT, 'models', 'dist-train', 'onnx-writer.js');
  if (!existsSync(writerFile)) throw new Error(`${writerFile} is not built; run "npm run build".`);
  const { writeOnnx } = (await import(pathToFileURL(writerFile).href)) as { writeOnnx: WriteOnnx };
  const features = like.signature.inputs[0]?.shape.at(-1) ?? 0;
  const bytes = writeOnnx(network(name, [features, ...hidden, 1]));
  const { files: _files, featureViewHash: _hash, ...rest } = like;
  const tensor = (shape: number[], value: number) => ({
    datatype: 'FP32' as const,
    shape,
    data: Array<number>(shape.reduce((a, b) => a * b)).fill(value),
  });
  const golden = {
    tolerance: { default: { absolute: 1e-6, relative: 1e-6 }, engines: {} },
    cases: [
      { name: 'constant', inputs: { features: tensor([1, features], 0.5) }, outputs: { score: tensor([1, 1], SCORE) } },
    ],
  };
  await writeBundle(folder, {
    manifest: {
      ...rest,
      name,
      signature: { ...like.signature, outputs: [{ name: 'score', datatype: 'FP32', shape: [-1, 1] }] },
      window: { ...like.window, hopMs },
      postProcessing: {
        kind: 'score',
        scoreOutput: 'score',
        decisionThreshold: 'anomaly',
        labels: ['normal', 'anomaly'],
        thresholds: { anomaly: { default: 1, description: '' } },
        calibration: { method: 'none' },
      },
      engines: ['native-child'],
    },
    files: [
      { path: 'model.onnx', role: 'model', bytes },
      { path: 'golden.json', role: 'golden', bytes: Buffer.from(JSON.stringify(golden)) },
    ],
  });
};

const network = (name: string, widths: readonly number[]): object => {
  const random = seededRandom(name);
  const nodes: object[] = [];
  const initializers: Record<string, object> = {};
  let input = 'features';
  for (let layer = 1; layer < widths.length; layer += 1) {
    const [rows = 1, columns = 1] = [widths[layer - 1], widths[layer]];
    const isLast = layer === widths.length - 1;
    const weight = (): number => (isLast ? 0 : (random() - 0.5) / Math.sqrt(rows));
    initializers[`w${layer}`] = {
      element: 'FP32',
      shape: [rows, columns],
      values: Float32Array.from({ length: rows * columns }, weight),
    };
    initializers[`b${layer}`] = {
      element: 'FP32',
      shape: [columns],
      values: new Float32Array(columns).fill(isLast ? SCORE : 0),
    };
    const output = isLast ? 'score' : `h${layer}`;
    nodes.push({ op: 'Gemm', inputs: [input, `w${layer}`, `b${layer}`], outputs: [isLast ? output : `${output}raw`] });
    if (!isLast) nodes.push({ op: 'Relu', inputs: [`${output}raw`], outputs: [output] });
    input = output;
  }
  return {
    name,
    inputs: [{ name: 'features', element: 'FP32', shape: ['batch', widths[0] ?? 0] }],
    outputs: [{ name: 'score', element: 'FP32', shape: ['batch', 1] }],
    nodes,
    initializers,
  };
};

/** Bytes of the weights in a bundle. */
export const modelBytes = (bundle: string): number => readFileSync(join(bundle, 'model.onnx')).byteLength;
