/** What of the training becomes the files of the bundle. */
import { sketchColumns, type BundleContent, type Golden, type Reference } from '@shoal/models';
import { writeOnnx } from '../onnx-writer.ts';
import { autoencoderGraph, autoencoderOutputs } from './autoencoder-graph.ts';
import type { Trained } from './build.ts';
import { modelCard } from './model-card.ts';
import { WINDOW } from './view.ts';

const GOLDEN_ROWS = 8;

const stored = (shape: number[], data: Iterable<number>): Golden['cases'][number]['inputs'][string] => ({
  datatype: 'FP32',
  shape,
  data: Array.from(data, Math.fround),
});

/** Outputs come from the training code in double precision, not from an engine: an engine is what they test. */
const goldenOf = ({ model, rows, featureNames }: Trained): Golden => {
  const width = featureNames.length;
  const every = Math.floor(rows.length / GOLDEN_ROWS);
  const chosen = Array.from({ length: GOLDEN_ROWS }, (_, i) => rows[i * every] ?? new Float32Array(width));
  const far = (chosen[0] ?? new Float32Array(width)).map((value, i) => value + (i % 3) * 4);
  const caseOf = (name: string, batch: readonly Float32Array[]): Golden['cases'][number] => {
    const outputs = batch.map((row) => autoencoderOutputs(model, row));
    return {
      name,
      inputs: {
        features: stored(
          [batch.length, width],
          batch.flatMap((row) => [...row]),
        ),
      },
      outputs: {
        score: stored(
          [batch.length],
          outputs.map(({ score }) => score),
        ),
        contributions: stored(
          [batch.length, width],
          outputs.flatMap(({ contributions }) => [...contributions]),
        ),
      },
    };
  };
  const tolerance = { default: { absolute: 1e-4, relative: 1e-4 }, engines: {} };
  return { tolerance, cases: [caseOf('healthy windows', chosen), caseOf('far from healthy', [far])] };
};

/** A hundredth of a standard deviation tells nothing, and a sketch pays for every order of magnitude near zero. */
const hundredths = (value: number): number => Math.round(value * 100) / 100;

const referenceOf = ({ rows, scores, featureNames }: Trained): Reference => ({
  features: sketchColumns(
    Object.fromEntries(featureNames.map((name, i) => [name, rows.map((row) => hundredths(row[i] ?? 0))])),
  ),
  outputs: sketchColumns({ score: scores }),
});

const manifestOf = ({ view, threshold, featureNames }: Trained): BundleContent['manifest'] => ({
  schemaVersion: 1,
  name: 'pump-anomaly',
  version: '1.0.0',
  releaseCounter: 1,
  platform: 'onnx',
  description: 'How unlike a healthy circulation pump a minute of its eight channels is.',
  signature: {
    inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, featureNames.length] }],
    outputs: [
      { name: 'score', datatype: 'FP32', shape: [-1] },
      { name: 'contributions', datatype: 'FP32', shape: [-1, featureNames.length] },
    ],
    nonFiniteInputs: 'refuse',
    nonFiniteOutputs: 'refuse',
  },
  featureView: view,
  window: WINDOW,
  postProcessing: {
    kind: 'score',
    scoreOutput: 'score',
    decisionThreshold: 'anomaly',
    labels: ['normal', 'anomaly'],
    thresholds: { anomaly: { default: threshold, description: 'Above the scores of held-out healthy pumps.' } },
    calibration: { method: 'none' },
  },
  engines: ['native-child', 'wasm-child'],
  resources: { memoryMb: 32, diskBytes: 262_144, arch: [], minimumAgent: '0.1.0' },
  fallback: { mode: 'none', model: null },
});

const json = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value)}\n`, 'utf8');

export const bundleContent = (trained: Trained): BundleContent => ({
  manifest: manifestOf(trained),
  files: [
    { path: 'model.onnx', role: 'model', bytes: writeOnnx(autoencoderGraph(trained.model)) },
    { path: 'golden.json', role: 'golden', bytes: json(goldenOf(trained)) },
    { path: 'reference.json', role: 'reference', bytes: json(referenceOf(trained)) },
    { path: 'README.md', role: 'readme', bytes: Buffer.from(modelCard(trained), 'utf8') },
  ],
});
