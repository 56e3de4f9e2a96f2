/** Trains pump-anomaly from its seed: everything a bundle holds, as a pure function of nothing. */
import { evaluateFeatureView, featureNames, type FeatureView, type SampleWindow } from '@shoal/models';
import { createNetwork, trainAutoencoder } from '../dense-network.ts';
import { seededRandom, type SeededRandom } from '../seeded-random.ts';
import { autoencoderOutputs, standardise, type Autoencoder } from './autoencoder-graph.ts';
import { CHANNELS, drawPump, drawWindow, HEALTHY, type Disturbance } from './pump-signal.ts';
import { featureView, WINDOW } from './view.ts';

const SEED = 20_261_122;
const TRAINING_PUMPS = 400;
const WINDOWS_PER_PUMP = 10;
const HELD_OUT_PUMPS = 150;
const HIDDEN = [20, 5, 20];
const PLAN = { epochs: 40, batchSize: 50, learningRate: 0.004 };
/** The threshold lies this far above the score that all but one in a hundred healthy windows stay below. */
const THRESHOLD_QUANTILE = 0.99;
const THRESHOLD_FACTOR = 1.5;

export interface Trained {
  readonly view: FeatureView;
  readonly model: Autoencoder;
  readonly threshold: number;
  readonly featureNames: readonly string[];
  /** Feature rows and scores of the training windows. */
  readonly rows: readonly Float32Array[];
  readonly scores: readonly number[];
  /** Share of held-out windows above the threshold. */
  readonly falseAlarms: number;
  readonly detected: Readonly<Record<string, number>>;
}

/** A constant in a manifest needs no more digits than it has meaning. */
const rounded = (value: number): number => Number(value.toPrecision(6));

const momentsOf = (values: readonly number[]): { mean: number; std: number } => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, std: Math.sqrt(variance) };
};

const drawFleet = (pumps: number, disturbance: Disturbance, random: SeededRandom): SampleWindow[] =>
  Array.from({ length: pumps }, () => drawPump(random)).flatMap((pump) =>
    Array.from({ length: WINDOWS_PER_PUMP }, (_, k) =>
      drawWindow(pump, disturbance, { startAt: k * WINDOW.hopMs, lengthMs: WINDOW.lengthMs }, random),
    ),
  );

const channelConstants = (windows: readonly SampleWindow[]): Record<string, { mean: number; std: number }> =>
  Object.fromEntries(
    CHANNELS.map((channel) => {
      const values = windows.flatMap(({ samples }) => samples.map((sample) => sample.values[channel] ?? 0));
      const { mean, std } = momentsOf(values);
      return [channel, { mean: rounded(mean), std: rounded(std) }];
    }),
  );

const featureRows = (view: FeatureView, windows: readonly SampleWindow[]): Float32Array[] =>
  windows.map((window) => evaluateFeatureView(view, window).values);

const normaliser = (rows: readonly Float32Array[]): Pick<Autoencoder, 'mean' | 'std'> => {
  const columns = Array.from(rows[0] ?? [], (_, i) => momentsOf(rows.map((row) => row[i] ?? 0)));
  return { mean: Float64Array.from(columns, ({ mean }) => mean), std: Float64Array.from(columns, ({ std }) => std) };
};

const quantileOf = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? 0;

const shareAbove = (values: readonly number[], threshold: number): number =>
  values.filter((value) => value > threshold).length / values.length;

const FAULTS: Readonly<Record<string, Disturbance>> = {
  'valve closed by half': { ...HEALTHY, valveClosed: 0.5 },
  'strong imbalance': { ...HEALTHY, imbalance: 0.4 },
};

/** Takes seconds; the same result every time. */
export const trainPumpAnomaly = (): Trained => {
  const random = seededRandom(SEED);
  const windows = drawFleet(TRAINING_PUMPS, HEALTHY, random);
  const view = featureView(channelConstants(windows));
  const rows = featureRows(view, windows);
  const scale = normaliser(rows);
  const width = scale.mean.length;
  const network = createNetwork([width, ...HIDDEN, width], random);
  trainAutoencoder(
    network,
    rows.map((row) => standardise(scale, row)),
    PLAN,
    random,
  );
  const model = { ...scale, network };
  const scoresOf = (fleet: readonly SampleWindow[]): number[] =>
    featureRows(view, fleet).map((row) => autoencoderOutputs(model, row).score);
  const heldOut = scoresOf(drawFleet(HELD_OUT_PUMPS, HEALTHY, random));
  const threshold = rounded(quantileOf(heldOut, THRESHOLD_QUANTILE) * THRESHOLD_FACTOR);
  const detected = Object.entries(FAULTS).map(([name, fault]) => [
    name,
    shareAbove(scoresOf(drawFleet(20, fault, random)), threshold),
  ]);
  return {
    view,
    model,
    threshold,
    featureNames: featureNames(view, WINDOW.lengthMs),
    rows,
    scores: rows.map((row) => autoencoderOutputs(model, row).score),
    falseAlarms: shareAbove(scoresOf(drawFleet(HELD_OUT_PUMPS, HEALTHY, random)), threshold),
    detected: Object.fromEntries(detected) as Record<string, number>,
  };
};
