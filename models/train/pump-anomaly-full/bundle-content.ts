/** The files of pump-anomaly-full. It takes the vectors of pump-anomaly 1.1.0: same view, same normaliser, same unit of the score. */
import type { BundleContent, Golden } from '@shoal/models';
import { writeOnnx } from '../onnx-writer.ts';
import { CALIBRATION, featureView, RULES, THRESHOLD, WINDOW } from '../pump-anomaly/deviation/view.ts';
import { seededRandom } from '../seeded-random.ts';
import { heldScore, heldScoreGraph, VECTORS } from './held-score.ts';
import { modelCard } from './model-card.ts';

const SEED = 20_261_126;
const WIDTH = RULES.length * VECTORS;
const ROWS = 6;

/** Outputs come from plain arithmetic in double precision, not from an engine: an engine is what they test. */
const goldenOf = (): Golden => {
  const random = seededRandom(SEED);
  const rows = (make: (at: number) => number): number[][] =>
    Array.from({ length: ROWS }, () =>
      Array.from({ length: WIDTH }, (_, i) => Math.fround(make(Math.floor(i / RULES.length)))),
    );
  const caseOf = (name: string, batch: readonly (readonly number[])[]): Golden['cases'][number] => ({
    name,
    inputs: { features: { datatype: 'FP32', shape: [batch.length, WIDTH], data: batch.flat() } },
    outputs: {
      score: { datatype: 'FP32', shape: [batch.length], data: batch.map((row) => Math.fround(heldScore(row))) },
    },
  });
  return {
    tolerance: { default: { absolute: 1e-5, relative: 1e-5 }, engines: {} },
    cases: [
      caseOf(
        'steady',
        rows(() => 0.2 * random.normal()),
      ),
      caseOf(
        'a fault that wavers',
        rows((at) => (at < VECTORS / 2 ? 0 : 1 + 0.6 * random.normal())),
      ),
      caseOf(
        'a fault that is over',
        rows((at) => (at < VECTORS - 3 ? 2 : 0.1 * random.normal())),
      ),
    ],
  };
};

const manifest: BundleContent['manifest'] = {
  schemaVersion: 1,
  name: 'pump-anomaly-full',
  version: '1.0.0',
  releaseCounter: 1,
  platform: 'onnx',
  description:
    "pump-anomaly over a pump's last four minutes: holds what was found until it is over, and leads what changes.",
  signature: {
    inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, WIDTH] }],
    outputs: [{ name: 'score', datatype: 'FP32', shape: [-1] }],
    nonFiniteInputs: 'refuse',
    nonFiniteOutputs: 'refuse',
  },
  featureView,
  window: WINDOW,
  history: { vectors: VECTORS },
  postProcessing: {
    kind: 'score',
    scoreOutput: 'score',
    decisionThreshold: 'anomaly',
    labels: ['normal', 'anomaly'],
    thresholds: {
      anomaly: { default: THRESHOLD, description: 'In tolerances; the threshold of the device that asks.' },
    },
    calibration: CALIBRATION,
  },
  engines: ['native-child', 'wasm-child'],
  resources: { memoryMb: 32, diskBytes: 131_072, arch: [], minimumAgent: '0.1.0' },
  fallback: { mode: 'none', model: null },
};

/** The same bytes every time. */
export const bundleContent = (): BundleContent => ({
  manifest,
  files: [
    { path: 'model.onnx', role: 'model', bytes: writeOnnx(heldScoreGraph()) },
    { path: 'golden.json', role: 'golden', bytes: Buffer.from(`${JSON.stringify(goldenOf())}\n`, 'utf8') },
    { path: 'README.md', role: 'readme', bytes: Buffer.from(modelCard, 'utf8') },
  ],
});
