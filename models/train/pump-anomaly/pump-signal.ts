/** Healthy and disturbed pumps to train on: the simple physics of a throttled circulation pump, seen through its sensors. */
import type { SampleWindow, WindowSample } from '@shoal/models';
import type { SeededRandom } from '../seeded-random.ts';

export const CHANNELS = [
  'Accelerometer1RMS',
  'Accelerometer2RMS',
  'Current',
  'Pressure',
  'Temperature',
  'Thermocouple',
  'Voltage',
  'Volume Flow RateRMS',
] as const;
type Channel = (typeof CHANNELS)[number];
export type Values = Readonly<Record<Channel, number>>;

/** One pump of a fleet: every pump is a little different, and so is the room it stands in. */
export interface Pump {
  /** Share of the nominal resistance of the loop. */
  readonly resistance: number;
  readonly wear: number;
  readonly vibration: number;
  readonly mounting: number;
  readonly pressureZero: number;
  readonly supplyV: number;
  readonly ambientC: number;
  readonly coolingShare: number;
}

/** What is wrong, 0 (nothing) to 1. */
export interface Disturbance {
  readonly valveClosed: number;
  readonly imbalance: number;
  readonly leak: number;
}

export const HEALTHY: Disturbance = { valveClosed: 0, imbalance: 0, leak: 0 };

const spread = (random: SeededRandom, share: number): number =>
  1 + share * Math.max(-2.5, Math.min(2.5, random.normal()));

export const drawPump = (random: SeededRandom): Pump => ({
  resistance: spread(random, 0.04),
  wear: spread(random, 0.03),
  vibration: spread(random, 0.05),
  mounting: spread(random, 0.04),
  pressureZero: 0.02 * random.normal(),
  supplyV: 231.5 + 1.2 * random.normal(),
  ambientC: 21 + 5 * random.next(),
  coolingShare: spread(random, 0.06),
});

/** Flow in l/min where the pump curve H0 - a Q^2 meets the loop's r Q^2. */
const flowOf = (pump: Pump, { valveClosed, leak }: Disturbance): number => {
  const resistance = pump.resistance / (1 - 0.97 * valveClosed) ** 2;
  return 32 * Math.sqrt((1.12 - 0.12 * leak) / (pump.wear * 0.12 + resistance)) * (1 - 0.05 * leak);
};

/** The instruments: noise, the mains ripple caught at any phase, and the steps of the converters. */
export const measured = (truth: Values, random: SeededRandom): Values => {
  const ripple = (): number => Math.sin(2 * Math.PI * random.next());
  const step = (value: number, size: number): number => Math.round(value / size) * size;
  return {
    Accelerometer1RMS: truth.Accelerometer1RMS + 0.0003 * random.normal(),
    Accelerometer2RMS: truth.Accelerometer2RMS + 0.0009 * random.normal(),
    Current: truth.Current * (1 + 0.36 * ripple()) + 0.1 * random.normal(),
    Pressure: step(truth.Pressure + 0.24 * random.normal() - 0.054711, 0.327927) + 0.054711,
    Temperature: truth.Temperature + 0.1 * random.normal(),
    Thermocouple: truth.Thermocouple + 0.005 * random.normal(),
    Voltage: truth.Voltage * (1 + 0.063 * ripple()) + 3.5 * random.normal(),
    'Volume Flow RateRMS': step(truth['Volume Flow RateRMS'] + 0.4 * random.normal(), 1 / 3),
  };
};

interface Moment {
  readonly supplyV: number;
  /** Share of the way from a cold start to rest, 0.8 to 1. */
  readonly warmth: number;
}

const truthOf = (pump: Pump, disturbance: Disturbance, { supplyV, warmth }: Moment): Values => {
  const flow = flowOf(pump, disturbance);
  const load = 0.75 + (0.25 * flow) / 32;
  const current = (0.992 * load * pump.wear * 231.5) / supplyV;
  const shaking = pump.vibration * (1 + 4 * disturbance.imbalance) * (0.7 + (0.3 * flow) / 32);
  return {
    Accelerometer1RMS: 0.0266 * shaking,
    Accelerometer2RMS: 0.0398 * shaking * pump.mounting,
    Current: current,
    Pressure: 0.07 + pump.pressureZero + 0.05 * (1 - flow / 32),
    Temperature: pump.ambientC + 50 * pump.coolingShare * current * current * warmth,
    Thermocouple: pump.ambientC + 3.2 * load * warmth,
    Voltage: supplyV,
    'Volume Flow RateRMS': flow,
  };
};

/** Where in the window the recorder was on: mostly all of it; after a start or before an outage at least half, as the plan demands. */
const coveredPart = (random: SeededRandom): readonly [from: number, to: number] => {
  const missing = 0.5 * random.next();
  const kind = random.next();
  if (kind < 0.03) return [missing, 1];
  return kind < 0.06 ? [0, 1 - missing] : [0, 1];
};

/** A recorder that now and then loses samples, repeats stamps and lies off the second, as real ones do. */
export const stampsOf = (startAt: number, lengthMs: number, random: SeededRandom): number[] => {
  const stamps: number[] = [];
  const [from, to] = coveredPart(random);
  const lossShare = random.next() < 0.1 ? 0.4 * random.next() : 0.01;
  const phaseMs = Math.floor(random.next() * 1_000);
  for (let at = startAt + phaseMs; at < startAt + lengthMs; at += 1_000) {
    const share = (at - startAt) / lengthMs;
    if (random.next() >= lossShare && share >= from && share <= to) stamps.push(at);
    if (random.next() < 0.01 && share >= from && share <= to) stamps.push(at);
  }
  return stamps;
};

/** One window of `lengthMs` at about 1 Hz. */
export const drawWindow = (
  pump: Pump,
  disturbance: Disturbance,
  { startAt, lengthMs }: { readonly startAt: number; readonly lengthMs: number },
  random: SeededRandom,
): SampleWindow => {
  const warmth = 0.8 + 0.2 * Math.sqrt(random.next());
  let supplyV = pump.supplyV + 0.8 * random.normal();
  const samples = stampsOf(startAt, lengthMs, random).map((observedAt): WindowSample => {
    supplyV += 0.02 * (pump.supplyV - supplyV) + 0.15 * random.normal();
    return { observedAt, values: measured(truthOf(pump, disturbance, { supplyV, warmth }), random) };
  });
  return { startAt, endAt: startAt + lengthMs, samples };
};
