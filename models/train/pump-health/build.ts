/** Trains pump-health from its seed: everything a bundle holds, as a pure function of nothing. */
import { createNetwork, trainRegression, type DenseLayer } from '../dense-network.ts';
import { drawConditionPump } from '../pump-condition/pump-conditions.ts';
import { seededRandom, type SeededRandom } from '../seeded-random.ts';
import { healthOf, type HealthModel } from './health-graph.ts';
import { meanLevels, WEARS, type Wear } from './worn-pumps.ts';

const SEED = 20_261_127;
const PUMPS = 6_000;
/** Half as worn again as worn out: what lies behind the end must not look better than it. */
const WORST = 1.5;
const HIDDEN = [14, 8];
const PLAN = { epochs: 40, batchSize: 50, learningRate: 0.008 };
const HELD_OUT = 1_000;
const SECONDS_A_DAY = 86_400;
const WEEK_DAYS = 7;

export interface HeldOutPump {
  readonly wear: Wear;
  /** Days of data there are: 1 to 7. */
  readonly days: number;
  readonly row: readonly number[];
  /** Wear at the end of the last day, and what it grows by in a day. */
  readonly worn: number;
  readonly perDay: number;
}

export interface TrainedHealth {
  readonly model: HealthModel;
  readonly heldOut: readonly HeldOutPump[];
}

const momentsOf = (values: readonly number[]): { mean: number; std: number } => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, std: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) };
};

const wearOf = (random: SeededRandom): Wear => WEARS[Math.floor(random.next() * WEARS.length)] ?? 'none';

/** A pump somewhere in its life, with as many days of data as it has. */
const drawLife = (random: SeededRandom): HeldOutPump => {
  const pump = drawConditionPump(random);
  const wear = wearOf(random);
  const days = 1 + Math.floor(random.next() * WEEK_DAYS);
  const perDay = wear === 'none' ? 0 : 0.01 + 0.07 * random.next();
  const worn = wear === 'none' ? 0 : perDay * days + random.next() * Math.max(0, 0.9 - perDay * days);
  const at = (daysAgo: number): number => Math.max(0, worn - perDay * daysAgo);
  const day = meanLevels(pump, wear, { from: at(1), to: at(0) }, random);
  const week = meanLevels(pump, wear, { from: at(days), to: at(0) }, random);
  return { wear, days, perDay, worn, row: [...day, ...week, SECONDS_A_DAY, SECONDS_A_DAY * days] };
};

const fit = (random: SeededRandom): HealthModel => {
  const examples = Array.from({ length: PUMPS }, () => {
    const wear = wearOf(random);
    const share = wear === 'none' ? 0 : WORST * random.next();
    return { levels: meanLevels(drawConditionPump(random), wear, { from: share, to: share }, random), share };
  });
  const columns = (examples[0]?.levels ?? []).map((_, i) => momentsOf(examples.map(({ levels }) => levels[i] ?? 0)));
  const mean = Float64Array.from(columns, (column) => column.mean);
  const std = Float64Array.from(columns, (column) => column.std);
  const network: DenseLayer[] = createNetwork([columns.length, ...HIDDEN, 1], random);
  const rows = examples.map(({ levels, share }) => ({
    input: Float64Array.from(levels, (value, i) => (value - (mean[i] ?? 0)) / (std[i] ?? 1)),
    target: Float64Array.of(share),
  }));
  trainRegression(network, rows, PLAN, random);
  return { mean, std, network };
};

/** Takes seconds; the same result every time. */
export const trainPumpHealth = (): TrainedHealth => {
  const random = seededRandom(SEED);
  const model = fit(random);
  return { model, heldOut: Array.from({ length: HELD_OUT }, () => drawLife(random)) };
};

export interface HealthFigures {
  readonly pumps: number;
  /** Mean absolute error of the health. */
  readonly healthError: number;
  /** Of pumps that will reach the threshold within thirty days and have at least so many days of data: share whose days are within a third, or three. */
  readonly daysWithin: readonly { readonly leastDays: number; readonly pumps: number; readonly share: number }[];
  /** Of pumps that do not wear: share that is given fewer than thirty days. */
  readonly falseAlarms: number;
}

const SOON_DAYS = 30;
const THRESHOLD = 0.5;

export const figuresOf = ({ model, heldOut }: TrainedHealth): HealthFigures => {
  const judged = heldOut.map((pump) => ({
    ...pump,
    ...healthOf(model, pump.row),
    trueDays: pump.perDay === 0 ? Infinity : Math.max(0, (THRESHOLD - pump.worn) / pump.perDay),
  }));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const sound = judged.filter(({ wear }) => wear === 'none');
  return {
    pumps: judged.length,
    healthError: mean(judged.map(({ health, worn }) => Math.abs(1 - Math.min(1, worn) - health))),
    daysWithin: [2, 4, 6].map((leastDays) => {
      const soon = judged.filter(({ days, trueDays }) => days >= leastDays && trueDays <= SOON_DAYS);
      const near = soon.filter(
        (pump) => Math.abs(pump.daysToThreshold - pump.trueDays) <= Math.max(3, pump.trueDays / 3),
      );
      return { leastDays, pumps: soon.length, share: near.length / soon.length };
    }),
    falseAlarms: sound.filter(({ daysToThreshold }) => daysToThreshold < SOON_DAYS).length / sound.length,
  };
};
