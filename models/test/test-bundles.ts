/** Bundles around the models of tests, on a shelf that is cleared away. */
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
import { writeOnnx } from '../train/onnx-writer.ts';

/** One channel, its mean over a second: enough of a view for models that take one feature. */
export const TINY_VIEW: FeatureView = {
  name: 'tiny',
  revision: 1,
  channels: ['x'],
  resample: { op: 'resample', rateHz: 1, method: 'previous', maxGapMs: 1_000, missing: { policy: 'fail' } },
  series: [],
  features: [{ op: 'statistics', of: ['mean'], quantiles: [] }],
};

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
