/** What of the training becomes the files of the bundle. */
import { sketchColumns, vectorName, type BundleContent, type Golden, type Reference } from '@shoal/models';
import { writeOnnx } from '../onnx-writer.ts';
import { figuresOf, type HeldOutPump, type TrainedHealth } from './build.ts';
import { healthGraph, healthOf } from './health-graph.ts';
import { modelCard } from './model-card.ts';
import { entityVector, LEVELS } from './view.ts';
import { WEARS } from './worn-pumps.ts';

const WIDTH = 2 * LEVELS.length + 2;
const GOLDEN_EACH = 3;

const stored = (shape: number[], data: Iterable<number>): Golden['cases'][number]['inputs'][string] => ({
  datatype: 'FP32',
  shape,
  data: Array.from(data, Math.fround),
});

/** Outputs come from the training code in double precision, not from an engine: an engine is what they test. */
const goldenOf = ({ model, heldOut }: TrainedHealth): Golden => {
  const caseOf = (name: string, rows: readonly (readonly number[])[]): Golden['cases'][number] => {
    const batch = rows.map((row) => row.map(Math.fround));
    const answers = batch.map((row) => healthOf(model, row));
    return {
      name,
      inputs: { features: stored([batch.length, WIDTH], batch.flat()) },
      outputs: {
        health: stored(
          [batch.length],
          answers.map(({ health }) => health),
        ),
        daysToThreshold: stored(
          [batch.length],
          answers.map(({ daysToThreshold }) => daysToThreshold),
        ),
      },
    };
  };
  const rowsOf = (pumps: readonly HeldOutPump[]): (readonly number[])[] =>
    pumps.slice(0, GOLDEN_EACH).map(({ row }) => row);
  const ofWear = (wear: string): (readonly number[])[] => rowsOf(heldOut.filter((pump) => pump.wear === wear));
  return {
    // A slow trend divides by its rate: an error of the sixth digit in it is one of the fourth in the days.
    tolerance: { default: { absolute: 1e-3, relative: 1e-3 }, engines: {} },
    cases: [
      ...WEARS.map((wear) => caseOf(wear, ofWear(wear))),
      caseOf('the first day', rowsOf(heldOut.filter(({ days }) => days === 1))),
      caseOf('nothing at all', [Array.from({ length: WIDTH }, () => 0)]),
    ],
  };
};

/** How often pumps are read says nothing of them, and differs from fleet to fleet: counts have no reference. */
const referenceOf = ({ model, heldOut }: TrainedHealth): Reference => {
  const sound = heldOut.filter(({ wear }) => wear === 'none');
  const answers = sound.map(({ row }) => healthOf(model, row));
  return {
    features: sketchColumns(
      Object.fromEntries(
        entityVector()
          .features.slice(0, 2 * LEVELS.length)
          .map((feature, i) => [vectorName(feature), sound.map(({ row }) => row[i] ?? 0)]),
      ),
    ),
    outputs: sketchColumns({
      health: answers.map(({ health }) => health),
      daysToThreshold: answers.map(({ daysToThreshold }) => daysToThreshold),
    }),
  };
};

const manifest: BundleContent['manifest'] = {
  schemaVersion: 1,
  name: 'pump-health',
  version: '1.0.0',
  releaseCounter: 1,
  platform: 'onnx',
  description:
    'How worn a circulation pump is, and in how many days it should be looked after: from its last day beside its last week.',
  signature: {
    inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, WIDTH] }],
    outputs: [
      { name: 'health', datatype: 'FP32', shape: [-1] },
      { name: 'daysToThreshold', datatype: 'FP32', shape: [-1] },
    ],
    nonFiniteInputs: 'refuse',
    nonFiniteOutputs: 'refuse',
  },
  entityView: entityVector(),
  postProcessing: { kind: 'none' },
  engines: ['native-child', 'wasm-child'],
  resources: { memoryMb: 32, diskBytes: 131_072, arch: [], minimumAgent: '0.1.0' },
  fallback: { mode: 'none', model: null },
};

const json = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value)}\n`, 'utf8');

export const healthContent = (trained: TrainedHealth): BundleContent => ({
  manifest,
  files: [
    { path: 'model.onnx', role: 'model', bytes: writeOnnx(healthGraph(trained.model)) },
    { path: 'golden.json', role: 'golden', bytes: json(goldenOf(trained)) },
    { path: 'reference.json', role: 'reference', bytes: json(referenceOf(trained)) },
    { path: 'README.md', role: 'readme', bytes: Buffer.from(modelCard(figuresOf(trained)), 'utf8') },
  ],
});
