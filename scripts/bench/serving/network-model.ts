/** A dense network of seeded weights as a bundle of ours, and as the weights that scikit-learn is given. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { tensorToStored, writeBundle } from '@shoal/models';
import { ROOT } from '../load/built-server.ts';
import { seeded } from '../load/pump-records.ts';

export interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  /** Row-major [inputs, outputs]. */
  readonly weights: readonly number[];
  readonly bias: readonly number[];
}

interface OnnxWriter {
  readonly writeOnnx: (graph: object) => Uint8Array;
}

/** ReLU between layers of these widths. */
export const network = (widths: readonly number[]): Layer[] => {
  const random = seeded(7);
  const draw = (count: number, scale: number): number[] =>
    Array.from({ length: count }, () => Math.fround((random() * 2 - 1) * scale));
  return widths.slice(1).map((outputs, index) => {
    const inputs = widths[index] ?? 1;
    return { inputs, outputs, weights: draw(inputs * outputs, Math.sqrt(3 / inputs)), bias: draw(outputs, 0.1) };
  });
};

/** What the network gives for one row, in double precision. */
export const predict = (layers: readonly Layer[], row: readonly number[]): number[] =>
  layers.reduce<readonly number[]>((values, { inputs, outputs, weights, bias }, index) => {
    const sums = Array.from({ length: outputs }, (_, to) => {
      let sum = bias[to] ?? 0;
      for (let from = 0; from < inputs; from += 1) sum += (values[from] ?? 0) * (weights[from * outputs + to] ?? 0);
      return sum;
    });
    return index < layers.length - 1 ? sums.map((sum) => Math.max(0, sum)) : sums;
  }, row) as number[];

const graphOf = (layers: readonly Layer[]): object => {
  const name = (what: string, index: number): string => `${what}${index}`;
  const last = layers.length - 1;
  return {
    name: 'dense',
    inputs: [{ name: 'x', element: 'FP32', shape: ['batch', layers[0]?.inputs ?? 1] }],
    outputs: [{ name: 'y', element: 'FP32', shape: ['batch', layers[last]?.outputs ?? 1] }],
    nodes: layers.flatMap((_, index) => {
      const from = index === 0 ? 'x' : name('a', index - 1);
      const gemm = { op: 'Gemm', inputs: [from, name('w', index), name('b', index)] };
      if (index === last) return [{ ...gemm, outputs: ['y'] }];
      return [
        { ...gemm, outputs: [name('h', index)] },
        { op: 'Relu', inputs: [name('h', index)], outputs: [name('a', index)] },
      ];
    }),
    initializers: Object.fromEntries(
      layers.flatMap(({ inputs, outputs, weights, bias }, index) => [
        [name('w', index), { element: 'FP32', shape: [inputs, outputs], values: weights }],
        [name('b', index), { element: 'FP32', shape: [outputs], values: bias }],
      ]),
    ),
  };
};

export interface NetworkPlan {
  readonly layers: readonly Layer[];
  readonly row: readonly number[];
  /** Members of the manifest beside those that every network has. */
  readonly more?: object;
}

/** The folder of a bundle `bench-network` below `root`. */
export const writeNetworkBundle = async (root: string, { layers, row, more = {} }: NetworkPlan): Promise<string> => {
  const url = pathToFileURL(join(ROOT, 'models', 'dist-train', 'onnx-writer.js'));
  const { writeOnnx } = (await import(url.href)) as OnnxWriter;
  const model = writeOnnx(graphOf(layers));
  const shapes = { x: [1, row.length], y: [1, layers.at(-1)?.outputs ?? 1] };
  const stored = (shape: number[], values: readonly number[]) =>
    tensorToStored({ datatype: 'FP32', shape, data: Float32Array.from(values) });
  const golden = {
    tolerance: { default: { absolute: 1e-3, relative: 1e-3 } },
    cases: [
      { name: 'one', inputs: { x: stored(shapes.x, row) }, outputs: { y: stored(shapes.y, predict(layers, row)) } },
    ],
  };
  const folder = join(root, 'bench-network');
  mkdirSync(root, { recursive: true });
  await writeBundle(folder, {
    manifest: {
      schemaVersion: 1,
      name: 'bench-network',
      version: '1.0.0',
      releaseCounter: 1,
      platform: 'onnx',
      description: 'A dense network of seeded weights.',
      signature: {
        inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, row.length] }],
        outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, layers.at(-1)?.outputs ?? 1] }],
        nonFiniteInputs: 'refuse',
        nonFiniteOutputs: 'refuse',
      },
      postProcessing: { kind: 'none' },
      engines: ['native-child'],
      resources: { memoryMb: 128, diskBytes: model.byteLength, arch: [], minimumAgent: '0.1.0' },
      fallback: { mode: 'none', model: null },
      ...more,
    },
    files: [
      { path: 'model.onnx', role: 'model', bytes: model },
      { path: 'golden.json', role: 'golden', bytes: Buffer.from(JSON.stringify(golden), 'utf8') },
    ],
  });
  return folder;
};
