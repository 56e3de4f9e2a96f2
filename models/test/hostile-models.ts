/** Bundles around real ONNX files that misbehave in one way each. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  readBundle,
  writeBundle,
  type Bundle,
  type BundleContent,
  type BundleManifest,
  type FeatureView,
} from '@shoal/models';
import type { Datatype } from '@shoal/protocol';
import { writeOnnx, type OnnxGraph, type OnnxNode, type OnnxTensor } from '../train/onnx-writer.ts';

/** One channel, its mean over a second: enough of a view for models that take one feature. */
export const TINY_VIEW: FeatureView = {
  name: 'tiny',
  revision: 1,
  channels: ['x'],
  resample: { op: 'resample', rateHz: 1, method: 'previous', maxGapMs: 1_000, missing: { policy: 'fail' } },
  series: [],
  features: [{ op: 'statistics', of: ['mean'], quantiles: [] }],
};

export const scalar = (element: OnnxTensor['element'], value: number): OnnxTensor => ({
  element,
  shape: [],
  values: [value],
});
export const vector = (element: OnnxTensor['element'], values: number[]): OnnxTensor => ({
  element,
  shape: [values.length],
  values,
});

/** x FP32 [batch, 1] -> score FP32 [batch, 1]. */
export const graph = (nodes: OnnxNode[], initializers: Record<string, OnnxTensor>): OnnxGraph => ({
  name: 'hostile',
  inputs: [{ name: 'x', element: 'FP32', shape: ['batch', 1] }],
  outputs: [{ name: 'score', element: 'FP32', shape: ['batch', 1] }],
  nodes,
  initializers,
});

/** score = 2 x. */
export const DOUBLING = writeOnnx(
  graph([{ op: 'Mul', inputs: ['x', 'two'], outputs: ['score'] }], { two: scalar('FP32', 2) }),
);

const loopBody: OnnxGraph = {
  name: 'body',
  inputs: [
    { name: 'turn', element: 'INT64', shape: [] },
    { name: 'goOn', element: 'BOOL', shape: [] },
    { name: 'carried', element: 'FP32', shape: ['batch', 1] },
  ],
  outputs: [
    { name: 'goOnOut', element: 'BOOL', shape: [] },
    { name: 'carriedOut', element: 'FP32', shape: ['batch', 1] },
  ],
  nodes: [
    { op: 'Identity', inputs: ['goOn'], outputs: ['goOnOut'] },
    { op: 'Identity', inputs: ['carried'], outputs: ['carriedOut'] },
  ],
};

const loopNodes = (before: OnnxNode[]): OnnxNode[] => [
  ...before,
  { op: 'Loop', inputs: ['turns', 'yes', 'x'], outputs: ['looped'], attributes: { body: { graph: loopBody } } },
  { op: 'Mul', inputs: ['looped', 'two'], outputs: ['score'] },
];

const LOOP_TENSORS = { yes: scalar('BOOL', 1), two: scalar('FP32', 2) };

/** As DOUBLING, but turns for about an hour where the largest input is above 1000. */
export const HANGING_ABOVE_1000 = writeOnnx(
  graph(
    loopNodes([
      { op: 'ReduceMax', inputs: ['x'], outputs: ['largest'], attributes: { keepdims: { int: 0 } } },
      { op: 'Greater', inputs: ['largest', 'limit'], outputs: ['big'] },
      { op: 'Where', inputs: ['big', 'hour', 'once'], outputs: ['turns'] },
    ]),
    { ...LOOP_TENSORS, limit: scalar('FP32', 1_000), hour: scalar('INT64', 20_000_000_000), once: scalar('INT64', 1) },
  ),
);

/** Always turns for about an hour. */
export const HANGING = writeOnnx(graph(loopNodes([]), { ...LOOP_TENSORS, turns: scalar('INT64', 20_000_000_000) }));

/** As DOUBLING, after as many turns (some hundred nanoseconds each) as the largest input says. */
export const TURNING = writeOnnx(
  graph(
    loopNodes([
      { op: 'ReduceMax', inputs: ['x'], outputs: ['largest'], attributes: { keepdims: { int: 0 } } },
      { op: 'Cast', inputs: ['largest'], outputs: ['turns'], attributes: { to: { int: 7 } } },
    ]),
    LOOP_TENSORS,
  ),
);

/** score = x / 0: infinite, or NaN for zero. */
export const NOT_FINITE = writeOnnx(
  graph([{ op: 'Div', inputs: ['x', 'zero'], outputs: ['score'] }], { zero: scalar('FP32', 0) }),
);

/** score = x[x]: fails where an input is no index of a row. */
export const INDEXING = writeOnnx(
  graph(
    [
      { op: 'Reshape', inputs: ['x', 'flat'], outputs: ['row'] },
      { op: 'Cast', inputs: ['row'], outputs: ['indices'], attributes: { to: { int: 7 } } },
      { op: 'Gather', inputs: ['x', 'indices'], outputs: ['score'] },
    ],
    { flat: vector('INT64', [-1]) },
  ),
);

/** score = x and all rows before it: right for one row, wrong for rows that share a batch by chance. */
export const ACCUMULATING = writeOnnx(
  graph([{ op: 'CumSum', inputs: ['x', 'rows'], outputs: ['score'] }], { rows: scalar('INT64', 0) }),
);

/** Wants x times 4 MB (x >= 0) while it runs, and gives 2 x. */
export const GREEDY = writeOnnx(
  graph(
    [
      { op: 'ReduceMax', inputs: ['x'], outputs: ['largest'], attributes: { keepdims: { int: 0 } } },
      { op: 'Cast', inputs: ['largest'], outputs: ['count'], attributes: { to: { int: 7 } } },
      { op: 'Reshape', inputs: ['count', 'one'], outputs: ['counts'] },
      { op: 'Concat', inputs: ['counts', 'million'], outputs: ['shape'], attributes: { axis: { int: 0 } } },
      {
        op: 'ConstantOfShape',
        inputs: ['shape'],
        outputs: ['filled'],
        attributes: { value: { tensor: vector('FP32', [0]) } },
      },
      { op: 'ReduceMax', inputs: ['filled'], outputs: ['zero'], attributes: { keepdims: { int: 0 } } },
      { op: 'Add', inputs: ['x', 'zero'], outputs: ['same'] },
      { op: 'Mul', inputs: ['same', 'two'], outputs: ['score'] },
    ],
    { one: vector('INT64', [1]), million: vector('INT64', [1_048_576]), two: scalar('FP32', 2) },
  ),
);

/** Takes x times 4 MB, then turns for an hour with it; gives 2 x at once for x of 0. */
export const HOARDING = writeOnnx(
  graph(
    [
      { op: 'ReduceMax', inputs: ['x'], outputs: ['largest'], attributes: { keepdims: { int: 0 } } },
      { op: 'Cast', inputs: ['largest'], outputs: ['count'], attributes: { to: { int: 7 } } },
      { op: 'Reshape', inputs: ['count', 'one'], outputs: ['counts'] },
      { op: 'Concat', inputs: ['counts', 'million'], outputs: ['shape'], attributes: { axis: { int: 0 } } },
      {
        op: 'ConstantOfShape',
        inputs: ['shape'],
        outputs: ['filled'],
        attributes: { value: { tensor: vector('FP32', [0]) } },
      },
      { op: 'Mul', inputs: ['count', 'hour'], outputs: ['turns'] },
      ...loopNodes([]),
      { op: 'Shape', inputs: ['filled'], outputs: ['unused'] },
      { op: 'Reshape', inputs: ['filled', 'flat'], outputs: ['kept'] },
    ],
    {
      ...LOOP_TENSORS,
      one: vector('INT64', [1]),
      million: vector('INT64', [1_048_576]),
      hour: scalar('INT64', 20_000_000_000),
      flat: vector('INT64', [-1]),
    },
  ),
);

/** 68 bytes of graph that declare a gigabyte: 250 million floats. */
export const GIGABYTE_CONSTANT = writeOnnx(
  graph(
    [
      {
        op: 'ConstantOfShape',
        inputs: ['size'],
        outputs: ['filled'],
        attributes: { value: { tensor: vector('FP32', [0]) } },
      },
      { op: 'ReduceMax', inputs: ['filled'], outputs: ['zero'], attributes: { keepdims: { int: 0 } } },
      { op: 'Add', inputs: ['x', 'zero'], outputs: ['score'] },
    ],
    { size: vector('INT64', [250_000_000]) },
  ),
);

/** Fine by its form, of an operator that no runtime has. */
export const UNKNOWN_OPERATOR = writeOnnx(graph([{ op: 'NoSuchOperator', inputs: ['x'], outputs: ['score'] }], {}));

export const GARBAGE = Buffer.from('this is not a model at all', 'utf8');

type GoldenRow = readonly [input: number, score: number];

const column = (values: readonly number[]) => ({ datatype: 'FP32', shape: [values.length, 1], data: values });

const goldenBytes = (rows: readonly GoldenRow[]): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      tolerance: { default: { absolute: 1e-5, relative: 1e-5 } },
      cases: rows.map(([input, score], i) => ({
        name: `case ${i}`,
        inputs: { x: column([input]) },
        outputs: { score: column([score]) },
      })),
    }),
  );

export const manifestOf = (patch: Partial<BundleContent['manifest']> = {}): BundleContent['manifest'] => ({
  schemaVersion: 1,
  name: 'hostile',
  version: '1.0.0',
  releaseCounter: 1,
  platform: 'onnx',
  description: 'A model for tests.',
  signature: {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 1] }],
    outputs: [{ name: 'score', datatype: 'FP32', shape: [-1, 1] }],
    nonFiniteInputs: 'refuse',
    nonFiniteOutputs: 'refuse',
  },
  featureView: TINY_VIEW,
  window: { channels: ['x'], sampleRateHz: 1, lengthMs: 1_000, hopMs: 1_000, minCoverage: 1 },
  postProcessing: {
    kind: 'score',
    scoreOutput: 'score',
    decisionThreshold: 'high',
    labels: ['low', 'high'],
    thresholds: { high: { default: 10, description: '' } },
    calibration: { method: 'none' },
  },
  engines: ['native-child', 'wasm-child'],
  resources: { memoryMb: 16, diskBytes: 4_096, arch: [], minimumAgent: '0.1.0' },
  /** What the gate would stop is here to show that the engines survive it. */
  gate: { allow: ['control-flow'] },
  fallback: { mode: 'none', model: null },
  ...patch,
});

export interface BundlePlan {
  readonly model: Uint8Array;
  readonly modelName?: string;
  /** By bundle path. */
  readonly weights?: Readonly<Record<string, Uint8Array>>;
  readonly golden?: readonly GoldenRow[];
  readonly manifest?: Partial<BundleContent['manifest']>;
}

export const contentOf = ({
  model,
  modelName = 'model.onnx',
  weights = {},
  golden = [
    [1, 2],
    [-3, -6],
  ],
  manifest,
}: BundlePlan): BundleContent => ({
  manifest: manifestOf(manifest),
  files: [
    { path: modelName, role: 'model', bytes: model },
    ...Object.entries(weights).map(([path, bytes]) => ({ path, role: 'weights' as const, bytes })),
    { path: 'golden.json', role: 'golden', bytes: goldenBytes(golden) },
  ],
});

/** x of any datatype, by default a vector of any length, unchanged as y. */
export const identityPlan = (
  datatype: Datatype,
  shape: readonly number[] = [-1],
  nonFinite: 'refuse' | 'allow' = 'refuse',
): BundlePlan => ({
  model: writeOnnx({
    name: 'identity',
    inputs: [{ name: 'x', element: datatype, shape: shape.map((size) => (size === -1 ? 'n' : size)) }],
    outputs: [{ name: 'score', element: datatype, shape: shape.map((size) => (size === -1 ? 'n' : size)) }],
    nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['score'] }],
  }),
  manifest: {
    signature: {
      inputs: [{ name: 'x', datatype, shape: [...shape] }],
      outputs: [{ name: 'score', datatype, shape: [...shape] }],
      nonFiniteInputs: nonFinite,
      nonFiniteOutputs: nonFinite,
    },
  },
});

/** `identityPlan` as a bundle under a name, which an engine may try out: it stands for nothing, and its golden case is empty. */
export const identityContent = (name: string, datatype: Datatype, shape: readonly number[] = [-1]): BundleContent => {
  const { manifest, files } = contentOf(identityPlan(datatype, shape));
  const { featureView: _view, window: _window, ...bare } = manifest;
  const nothing = { datatype, shape: shape.map((size) => Math.max(0, size)), data: [] };
  const golden = {
    tolerance: { default: { absolute: 0, relative: 0 } },
    cases: [{ name: 'nothing', inputs: { x: nothing }, outputs: {} }],
  };
  return {
    manifest: { ...bare, name, postProcessing: { kind: 'none' } },
    files: files.map((file) =>
      file.role === 'golden' ? { ...file, bytes: Buffer.from(JSON.stringify(golden), 'utf8') } : file,
    ),
  };
};

/** A folder for one test file; `dispose` removes it. */
export class BundleShelf {
  readonly #folders: string[] = [];

  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-test-'));
    this.#folders.push(folder);
    return folder;
  }

  async write(content: BundleContent): Promise<{ folder: string; manifest: BundleManifest }> {
    const folder = join(await this.folder(), 'bundle');
    return { folder, manifest: await writeBundle(folder, content) };
  }

  async bundle(plan: BundlePlan): Promise<Bundle> {
    const { folder } = await this.write(contentOf(plan));
    return readBundle(folder, { signaturePolicy: 'allow-unsigned' });
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#folders.map((folder) => rm(folder, { recursive: true, force: true })));
  }
}

export const keyPair = () => generateKeyPairSync('ed25519');

/** FP32 column [n, 1] named x. */
export const x = (...values: number[]) => ({
  x: { datatype: 'FP32' as const, shape: [values.length, 1], data: Float32Array.from(values) },
});
