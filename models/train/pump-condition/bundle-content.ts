/** What of the training becomes the files of the bundle. */
import { sketchColumns, type BundleContent, type Golden, type Reference } from '@shoal/models';
import type { DenseLayer } from '../dense-network.ts';
import { writeLayersModel } from '../layers-writer.ts';
import { WINDOW } from '../pump-anomaly/view.ts';
import { ALARM_FROM, probabilitiesOf, type Classifier, type TrainedClassifier } from './build.ts';
import { modelCard } from './model-card.ts';
import { CONDITIONS } from './pump-conditions.ts';

const WEIGHTS_FILE = 'weights.bin';

/** The normaliser goes into the first layer: x' W + b with x' = (x − mean) / std is x (W / std) + (b − Σ mean W / std). */
const folded = ({ mean, std, network }: Classifier): DenseLayer[] => {
  const [first, ...others] = network;
  if (first === undefined) return [];
  const weights = first.weights.map((weight, at) => weight / (std[Math.floor(at / first.outputs)] ?? 1));
  const bias = first.bias.map((value, o) =>
    mean.reduce((left, center, i) => left - center * (weights[i * first.outputs + o] ?? 0), value),
  );
  return [{ ...first, weights, bias }, ...others];
};

const stored = (shape: number[], data: Iterable<number>): Golden['cases'][number]['inputs'][string] => ({
  datatype: 'FP32',
  shape,
  data: Array.from(data, Math.fround),
});

/** Outputs come from the training code, in double precision and with the normaliser apart, not from TensorFlow.js: that is what they test. */
const goldenOf = ({ model, rows, featureNames }: TrainedClassifier): Golden => {
  const width = featureNames.length;
  const caseOf = (name: string, batch: readonly Float32Array[]): Golden['cases'][number] => ({
    name,
    inputs: {
      features: stored(
        [batch.length, width],
        batch.flatMap((row) => [...row]),
      ),
    },
    outputs: {
      probabilities: stored(
        [batch.length, CONDITIONS.length],
        batch.flatMap((row) => [...probabilitiesOf(model, row)]),
      ),
    },
  });
  const firstOf = (condition: string): Float32Array[] =>
    rows
      .filter((row) => row.condition === condition)
      .slice(0, 3)
      .map(({ features }) => features);
  const corner = new Float32Array(width).map((_, i) => (i % 2 === 0 ? 15 : -15));
  return {
    tolerance: {
      default: { absolute: 1e-4, relative: 1e-4 },
      engines: { 'tfjs-child': { absolute: 1e-5, relative: 1e-4 } },
    },
    cases: [...CONDITIONS.map((condition) => caseOf(condition, firstOf(condition))), caseOf('far out', [corner])],
  };
};

/** A hundredth of a standard deviation tells nothing, and a sketch pays for every order of magnitude near zero. */
const hundredths = (value: number): number => Math.round(value * 100) / 100;

/** Of windows of pumps that are well: what a healthy fleet looks like. */
const referenceOf = ({ model, rows, featureNames }: TrainedClassifier): Reference => {
  const normal = rows.filter(({ condition }) => condition === 'normal').map(({ features }) => features);
  const probabilities = normal.map((features) => probabilitiesOf(model, features));
  return {
    features: sketchColumns(
      Object.fromEntries(featureNames.map((name, i) => [name, normal.map((row) => hundredths(row[i] ?? 0))])),
    ),
    outputs: sketchColumns(
      Object.fromEntries(CONDITIONS.map((label, i) => [label, probabilities.map((row) => hundredths(row[i] ?? 0))])),
    ),
  };
};

const manifestOf = ({ view, featureNames }: TrainedClassifier): BundleContent['manifest'] => ({
  schemaVersion: 1,
  name: 'pump-condition',
  version: '1.0.0',
  releaseCounter: 1,
  platform: 'tfjs',
  description: 'What is wrong with a circulation pump: five conditions from a minute of its eight channels.',
  signature: {
    inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, featureNames.length] }],
    outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [-1, CONDITIONS.length] }],
    nonFiniteInputs: 'refuse',
    nonFiniteOutputs: 'refuse',
  },
  featureView: view,
  window: WINDOW,
  postProcessing: {
    kind: 'classes',
    probabilitiesOutput: 'probabilities',
    labels: [...CONDITIONS],
    quietLabels: ['normal'],
    decisionThreshold: 'condition',
    thresholds: { condition: { default: ALARM_FROM, description: 'Probability above which a condition is an alarm.' } },
  },
  engines: ['tfjs-child'],
  resources: { memoryMb: 32, diskBytes: 131_072, arch: [], minimumAgent: '0.1.0' },
  fallback: { mode: 'none', model: null },
});

const json = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value)}\n`, 'utf8');

export const conditionContent = (trained: TrainedClassifier): BundleContent => {
  const names = { model: 'pump-condition', input: 'features', output: 'probabilities', weightsFile: WEIGHTS_FILE };
  const { modelJson, weights } = writeLayersModel(folded(trained.model), names);
  return {
    manifest: manifestOf(trained),
    files: [
      { path: 'model.json', role: 'model', bytes: modelJson },
      { path: WEIGHTS_FILE, role: 'weights', bytes: weights },
      { path: 'golden.json', role: 'golden', bytes: json(goldenOf(trained)) },
      { path: 'reference.json', role: 'reference', bytes: json(referenceOf(trained)) },
      { path: 'README.md', role: 'readme', bytes: Buffer.from(modelCard(trained), 'utf8') },
    ],
  };
};
