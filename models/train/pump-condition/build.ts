/** Trains pump-condition from its seed: everything a bundle holds, as a pure function of nothing. */
import { evaluateFeatureView, featureNames, type FeatureView, type SampleWindow } from '@shoal/models';
import { createNetwork, forward, softmax, trainClassifier, type DenseLayer } from '../dense-network.ts';
import { CHANNELS } from '../pump-anomaly/pump-signal.ts';
import { seededRandom, type SeededRandom } from '../seeded-random.ts';
import { CONDITIONS, drawConditionPump, drawConditionWindow, type Condition } from './pump-conditions.ts';
import { conditionView, WINDOW } from './view.ts';

const SEED = 20_261_126;
/** Windows, each of another pump; most pumps are well, and a device would rather miss a leak for a minute than cry wolf. */
const TRAINING: Readonly<Record<Condition, number>> = {
  normal: 2_400,
  'valve-closing': 900,
  leak: 1_200,
  imbalance: 500,
  cavitation: 500,
};
const HELD_OUT_EACH = 300;
/** A label that is not "normal" is an alarm from this probability on. */
export const ALARM_FROM = 0.75;
const HIDDEN = [20, 12];
const PLAN = { epochs: 30, batchSize: 50, learningRate: 0.008 };

export interface Classifier {
  /** Per feature: what is subtracted and what it is divided by. */
  readonly mean: Float64Array;
  readonly std: Float64Array;
  readonly network: readonly DenseLayer[];
}

export interface TrainedClassifier {
  readonly view: FeatureView;
  readonly model: Classifier;
  readonly featureNames: readonly string[];
  /** Feature rows of training windows, and what they show. */
  readonly rows: readonly { readonly condition: Condition; readonly features: Float32Array }[];
  /** Of held-out windows of a condition: the share that is given each label. */
  readonly confusion: Readonly<Record<Condition, Readonly<Record<Condition, number>>>>;
  /** Of the same windows: the share that raises an alarm. */
  readonly alarmed: Readonly<Record<Condition, number>>;
}

const rounded = (value: number): number => Number(value.toPrecision(6));

const momentsOf = (values: readonly number[]): { mean: number; std: number } => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, std: Math.sqrt(variance) };
};

const drawWindows = (condition: Condition, count: number, random: SeededRandom): SampleWindow[] =>
  Array.from({ length: count }, (_, k) =>
    drawConditionWindow(
      drawConditionPump(random),
      condition,
      { startAt: k * WINDOW.hopMs, lengthMs: WINDOW.lengthMs },
      random,
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

/** Probabilities of the classes for one row, in double precision. */
export const probabilitiesOf = ({ mean, std, network }: Classifier, features: Float32Array): Float64Array =>
  softmax(
    forward(
      network,
      Float64Array.from(features, (value, i) => (value - (mean[i] ?? 0)) / (std[i] ?? 1)),
    ),
  );

const oneHot = (condition: Condition): Float64Array =>
  Float64Array.from(CONDITIONS, (name) => (name === condition ? 1 : 0));

const fit = (rows: TrainedClassifier['rows'], random: SeededRandom): Classifier => {
  const columns = Array.from(rows[0]?.features ?? [], (_, i) =>
    momentsOf(rows.map(({ features }) => features[i] ?? 0)),
  );
  const mean = Float64Array.from(columns, (column) => column.mean);
  const std = Float64Array.from(columns, (column) => column.std);
  const network = createNetwork([columns.length, ...HIDDEN, CONDITIONS.length], random);
  const examples = rows.map(({ condition, features }) => ({
    input: Float64Array.from(features, (value, i) => (value - (mean[i] ?? 0)) / (std[i] ?? 1)),
    target: oneHot(condition),
  }));
  trainClassifier(network, examples, PLAN, random);
  return { mean, std, network };
};

interface Judged {
  readonly label: Condition;
  readonly isAlarm: boolean;
}

const judge = (model: Classifier, features: Float32Array): Judged => {
  const probabilities = probabilitiesOf(model, features);
  const highest = Math.max(...probabilities);
  const label = CONDITIONS[probabilities.indexOf(highest)] ?? 'normal';
  return { label, isAlarm: label !== 'normal' && highest > ALARM_FROM };
};

/** Takes seconds; the same result every time. */
export const trainPumpCondition = (): TrainedClassifier => {
  const random = seededRandom(SEED);
  const windows = CONDITIONS.map(
    (condition) => [condition, drawWindows(condition, TRAINING[condition], random)] as const,
  );
  const view = conditionView(channelConstants(windows[0]?.[1] ?? []));
  const featuresOf = (window: SampleWindow): Float32Array => evaluateFeatureView(view, window).values;
  const rows = windows.flatMap(([condition, drawn]) =>
    drawn.map((window) => ({ condition, features: featuresOf(window) })),
  );
  const model = fit(rows, random);
  const heldOut = CONDITIONS.map((condition) => {
    const judged = drawWindows(condition, HELD_OUT_EACH, random).map((window) => judge(model, featuresOf(window)));
    const share = (holds: (one: Judged) => boolean): number => judged.filter(holds).length / HELD_OUT_EACH;
    const labels = CONDITIONS.map((name) => [name, share(({ label }) => label === name)] as const);
    return { condition, labels: Object.fromEntries(labels), alarms: share(({ isAlarm }) => isAlarm) };
  });
  const byCondition = <T>(pick: (one: (typeof heldOut)[number]) => T): Record<Condition, T> =>
    Object.fromEntries(heldOut.map((one) => [one.condition, pick(one)])) as Record<Condition, T>;
  return {
    view,
    model,
    featureNames: featureNames(view, WINDOW.lengthMs),
    rows,
    confusion: byCondition(({ labels }) => labels) as TrainedClassifier['confusion'],
    alarmed: byCondition(({ alarms }) => alarms),
  };
};
