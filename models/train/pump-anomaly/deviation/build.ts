/** Makes version 1.1.0 from its seed: reference and metrics from simulated pumps, each calibrated on its own first windows. */
import {
  evaluateFeatureView,
  medianLocation,
  normaliseVector,
  ownThreshold,
  type FeatureVector,
  type SampleWindow,
} from '@shoal/models';
import { seededRandom, type SeededRandom } from '../../seeded-random.ts';
import { drawPump, drawWindow, HEALTHY, type Disturbance } from '../pump-signal.ts';
import { deviationOutputs } from './deviation-graph.ts';
import { CALIBRATION, featureView, RULES, THRESHOLD, WINDOW } from './view.ts';

const SEED = 20_261_126;
const PUMPS = 100;
const CALIBRATION_WINDOWS = 38;
const JUDGED_WINDOWS = 20;

export interface Made {
  /** Deviations of the healthy windows after the calibration, and their scores. */
  readonly rows: readonly Float32Array[];
  readonly scores: readonly number[];
  /** Share of healthy windows above their device's threshold. */
  readonly falseAlarms: number;
  readonly detected: Readonly<Record<string, number>>;
}

const FAULTS: Readonly<Record<string, Disturbance>> = {
  'valve closed by a fifth': { ...HEALTHY, valveClosed: 0.2 },
  'slight imbalance': { ...HEALTHY, imbalance: 0.1 },
  'half a leak': { ...HEALTHY, leak: 0.5 },
};

const vectorOf = (window: SampleWindow): FeatureVector => evaluateFeatureView(featureView, window);

/** A pump that has found its own normal, and how its windows are then judged. */
const calibratedPump = (random: SeededRandom) => {
  const pump = drawPump(random);
  const draw = (disturbance: Disturbance, index: number): FeatureVector =>
    vectorOf(drawWindow(pump, disturbance, { startAt: index * WINDOW.lengthMs, lengthMs: WINDOW.lengthMs }, random));
  const first = Array.from({ length: CALIBRATION_WINDOWS }, (_, i) => draw(HEALTHY, i));
  const location = medianLocation(first.map(({ values }) => [...values]));
  const deviations = (vector: FeatureVector): Float32Array => normaliseVector(CALIBRATION, location, vector).values;
  const scoreOf = (row: Float32Array): number => deviationOutputs(RULES, row).score;
  const { threshold } = ownThreshold(
    CALIBRATION,
    first.map((vector) => scoreOf(deviations(vector))),
    THRESHOLD,
  );
  const judge = (disturbance: Disturbance) =>
    Array.from({ length: JUDGED_WINDOWS }, (_, i) => {
      const row = deviations(draw(disturbance, CALIBRATION_WINDOWS + i));
      return { row, score: scoreOf(row), isAbove: scoreOf(row) > threshold };
    });
  return { judge };
};

const share = (verdicts: readonly { readonly isAbove: boolean }[]): number =>
  verdicts.filter(({ isAbove }) => isAbove).length / verdicts.length;

/** The same result every time. */
export const makePumpAnomaly = (): Made => {
  const random = seededRandom(SEED);
  const pumps = Array.from({ length: PUMPS }, () => calibratedPump(random));
  const healthy = pumps.flatMap(({ judge }) => judge(HEALTHY));
  const detected = Object.entries(FAULTS).map(([name, fault]) => [
    name,
    share(pumps.flatMap(({ judge }) => judge(fault))),
  ]);
  return {
    rows: healthy.map(({ row }) => row),
    scores: healthy.map(({ score }) => score),
    falseAlarms: share(healthy),
    detected: Object.fromEntries(detected) as Record<string, number>,
  };
};
