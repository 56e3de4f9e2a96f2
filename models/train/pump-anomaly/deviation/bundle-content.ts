/** The files of version 1.1.0. */
import { sketchColumns, type BundleContent, type Golden, type Reference } from '@shoal/models';
import { writeOnnx } from '../../onnx-writer.ts';
import type { Made } from './build.ts';
import { deviationGraph, deviationOutputs } from './deviation-graph.ts';
import { modelCard } from './model-card.ts';
import { CALIBRATION, featureView, RULES, THRESHOLD, WINDOW } from './view.ts';

const GOLDEN_ROWS = 8;

const stored = (shape: number[], data: Iterable<number>): Golden['cases'][number]['inputs'][string] => ({
  datatype: 'FP32',
  shape,
  data: Array.from(data, Math.fround),
});

/** Outputs come from plain arithmetic in double precision, not from an engine: an engine is what they test. */
const goldenOf = ({ rows }: Made): Golden => {
  const width = RULES.length;
  const caseOf = (name: string, batch: readonly (readonly number[])[]): Golden['cases'][number] => {
    const outputs = batch.map((row) => deviationOutputs(RULES, row));
    const contributions = outputs.flatMap((output) => output.contributions);
    return {
      name,
      inputs: { features: stored([batch.length, width], batch.flat()) },
      outputs: {
        score: stored(
          [batch.length],
          outputs.map(({ score }) => score),
        ),
        contributions: stored([batch.length, width], contributions),
      },
    };
  };
  const every = Math.floor(rows.length / GOLDEN_ROWS);
  const healthy = Array.from({ length: GOLDEN_ROWS }, (_, i) => [...(rows[i * every] ?? [])]);
  const single = (by: number) => RULES.map((_, i) => RULES.map((__, j) => (i === j ? by : 0)));
  const tolerance = { default: { absolute: 1e-5, relative: 1e-5 }, engines: {} };
  return {
    tolerance,
    cases: [
      caseOf('healthy windows', healthy),
      caseOf('each feature too high', single(2)),
      caseOf('each feature too low', single(-3)),
    ],
  };
};

/** A twentieth of a tolerance tells nothing, and a sketch pays for every order of magnitude near zero. */
const twentieths = (value: number): number => Math.round(value * 20) / 20;

const referenceOf = ({ rows, scores }: Made): Reference => ({
  features: sketchColumns(
    Object.fromEntries(RULES.map(({ feature }, i) => [feature, rows.map((row) => twentieths(row[i] ?? 0))])),
  ),
  outputs: sketchColumns({ score: scores.map(twentieths) }),
});

const manifest: BundleContent['manifest'] = {
  schemaVersion: 1,
  name: 'pump-anomaly',
  version: '1.1.0',
  releaseCounter: 2,
  platform: 'onnx',
  description:
    "How far half a minute of a circulation pump's eight channels lies from the pump's own normal, in tolerances.",
  signature: {
    inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, RULES.length] }],
    outputs: [
      { name: 'score', datatype: 'FP32', shape: [-1] },
      { name: 'contributions', datatype: 'FP32', shape: [-1, RULES.length] },
    ],
    nonFiniteInputs: 'refuse',
    nonFiniteOutputs: 'refuse',
  },
  featureView,
  window: WINDOW,
  postProcessing: {
    kind: 'score',
    scoreOutput: 'score',
    decisionThreshold: 'anomaly',
    labels: ['normal', 'anomaly'],
    thresholds: {
      anomaly: { default: THRESHOLD, description: 'In tolerances; a device that wanders raises its own.' },
    },
    calibration: CALIBRATION,
  },
  engines: ['native-child', 'wasm-child'],
  resources: { memoryMb: 32, diskBytes: 131_072, arch: [], minimumAgent: '0.1.0' },
  fallback: { mode: 'none', model: null },
};

const json = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value)}\n`, 'utf8');

export const bundleContent = (made: Made): BundleContent => ({
  manifest,
  files: [
    { path: 'model.onnx', role: 'model', bytes: writeOnnx(deviationGraph(RULES)) },
    { path: 'golden.json', role: 'golden', bytes: json(goldenOf(made)) },
    { path: 'reference.json', role: 'reference', bytes: json(referenceOf(made)) },
    { path: 'README.md', role: 'readme', bytes: Buffer.from(modelCard(made), 'utf8') },
  ],
});
