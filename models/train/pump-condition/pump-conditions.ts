/** Pumps in five conditions: pump curve against the loop, motor, suction head and vibration orders, seen through the sensors of pump-signal. */
import type { SampleWindow, WindowSample } from '@shoal/models';
import { measured, stampsOf, type Values } from '../pump-anomaly/pump-signal.ts';
import type { SeededRandom } from '../seeded-random.ts';

export const CONDITIONS = ['normal', 'valve-closing', 'leak', 'imbalance', 'cavitation'] as const;
export type Condition = (typeof CONDITIONS)[number];

/** Constants of one pump, as parts of the nominal ones; supply and room in V and °C. */
export interface ConditionPump {
  readonly head: number;
  readonly conductance: number;
  readonly noLoad: number;
  readonly winding: number;
  readonly cooling: number;
  readonly unbalance: number;
  readonly bearing: number;
  readonly supplyV: number;
  readonly ambientC: number;
}

/** What is wrong, 0 to 1 each; `primed` falls when a leak has emptied the tank. */
export interface Levels {
  readonly valveClosed: number;
  readonly leak: number;
  readonly primed: number;
  readonly imbalance: number;
  readonly cavitation: number;
}

export const SOUND: Levels = { valveClosed: 0, leak: 0, primed: 1, imbalance: 0, cavitation: 0 };

/** Sisters of one type differ by so much, as castings do. */
const SPREAD = 0.022;

export const drawConditionPump = (random: SeededRandom): ConditionPump => {
  const near = (): number => 1 + SPREAD * (2 * random.next() - 1);
  return {
    head: near(),
    conductance: near(),
    noLoad: near(),
    winding: near(),
    cooling: near(),
    unbalance: near(),
    bearing: near(),
    supplyV: 231 + 0.8 * random.normal(),
    ambientC: 20 + 5 * random.next(),
  };
};

/** Head the pump loses inside at nominal flow, as a part of what the loop takes: a Q² over (Q/G)². */
const CURVATURE = 0.667;
/** A leak at its largest conducts this part of what the loop conducts. */
const LEAK_SHARE = 0.06;
/** A valve that is called closed still weeps. */
const CLOSED_VALVE = 0.02;
const HEAD_LOST_TO_CAVITATION = 0.35;
const NOMINAL_FLOW = 32;

interface Hydraulics {
  /** Through the pump, and back past the flow meter, in l/min. */
  readonly pumpFlow: number;
  readonly returnFlow: number;
  /** Of nominal. */
  readonly head: number;
  /** What air and bubbles leave of the head. */
  readonly effectiveness: number;
}

/** c (H0 − a Q²) = (Q/G)², G the conductances of loop and leak in parallel. */
const hydraulicsOf = (pump: ConditionPump, levels: Levels): Hydraulics => {
  const loop = pump.conductance * (1 - (1 - CLOSED_VALVE) * levels.valveClosed);
  const total = loop + LEAK_SHARE * levels.leak;
  const effectiveness = levels.primed * (1 - HEAD_LOST_TO_CAVITATION * levels.cavitation);
  const head = (effectiveness * pump.head * (1 + CURVATURE)) / (1 + effectiveness * CURVATURE * total * total);
  const perConductance = NOMINAL_FLOW * Math.sqrt(head);
  return { pumpFlow: total * perConductance, returnFlow: loop * perConductance, head, effectiveness };
};

/** V pf I = P_shaft + P_no-load + R I², the smaller root. */
const currentOf = (pump: ConditionPump, { pumpFlow, effectiveness }: Hydraulics, supplyV: number): number => {
  const shaftW = (18 + (15 * pumpFlow) / NOMINAL_FLOW) * (0.3 + 0.7 * effectiveness);
  const noLoadW = 104 * pump.noLoad * (supplyV / 231) ** 2;
  const [perAmpere, ohm] = [0.63 * supplyV, 8 * pump.winding];
  return (perAmpere - Math.sqrt(Math.max(0, perAmpere ** 2 - 4 * ohm * (shaftW + noLoadW)))) / (2 * ohm);
};

/** RMS in g: rotation orders and blade pass as sines, bearings and collapsing bubbles as noise. */
const shakingOf = (pump: ConditionPump, { imbalance, cavitation }: Levels, pumpFlow: number): number => {
  const offBest = pumpFlow / 33.6 - 1;
  const first = 0.018 * pump.unbalance + 0.22 * imbalance;
  const bladePass = 0.012 * (1 + 2 * offBest * offBest);
  const broadband = Math.hypot(0.0215 * pump.bearing, 0.045 * cavitation);
  return Math.sqrt((first ** 2 + 0.008 ** 2 + bladePass ** 2) / 2 + broadband ** 2);
};

/** What perfect instruments would show. */
export const truthOf = (pump: ConditionPump, levels: Levels, supplyV: number): Values => {
  const hydraulics = hydraulicsOf(pump, levels);
  const current = currentOf(pump, hydraulics, supplyV);
  const shaking = shakingOf(pump, levels, hydraulics.pumpFlow);
  return {
    Accelerometer1RMS: shaking,
    Accelerometer2RMS: 1.48 * shaking,
    Current: current,
    Pressure: 0.0734 * hydraulics.head,
    Temperature: pump.ambientC + (48 * pump.cooling * current) / 0.992,
    Thermocouple: pump.ambientC + 4.5 * pump.cooling,
    Voltage: supplyV,
    'Volume Flow RateRMS': hydraulics.returnFlow,
  };
};

/** How bad a fault is drawn, from what a minute of such sensors can show at all up to full. */
const WORST_FROM: Readonly<Record<Exclude<Condition, 'normal'>, number>> = {
  'valve-closing': 0.1,
  leak: 0.6,
  imbalance: 0.08,
  cavitation: 0.2,
};
/** Of leaks: the tank is so empty that the pump sucks air. */
const DRAINED_SHARE = 0.1;

const faultLevels = (condition: Condition, severity: number, primed: number): Levels => {
  switch (condition) {
    case 'normal':
      return SOUND;
    case 'valve-closing':
      return { ...SOUND, valveClosed: severity };
    case 'leak':
      return { ...SOUND, leak: severity, primed };
    case 'imbalance':
      return { ...SOUND, imbalance: severity };
    case 'cavitation':
      return { ...SOUND, cavitation: severity };
  }
};

/** One window of `lengthMs` at about 1 Hz; in a fifth of them the fault still grows. */
export const drawConditionWindow = (
  pump: ConditionPump,
  condition: Condition,
  { startAt, lengthMs }: { readonly startAt: number; readonly lengthMs: number },
  random: SeededRandom,
): SampleWindow => {
  const least = condition === 'normal' ? 0 : WORST_FROM[condition];
  const severity = least + (1 - least) * random.next();
  const primed = random.next() < DRAINED_SHARE ? 0.5 * random.next() : 1;
  const grownFrom = random.next() < 0.2 ? 0.5 + 0.5 * random.next() : 1;
  let supplyV = pump.supplyV + 0.8 * random.normal();
  const samples = stampsOf(startAt, lengthMs, random).map((observedAt): WindowSample => {
    supplyV += 0.02 * (pump.supplyV - supplyV) + 0.15 * random.normal();
    const grown = grownFrom + (1 - grownFrom) * ((observedAt - startAt) / lengthMs);
    const levels = faultLevels(condition, severity * grown, primed);
    return { observedAt, values: measured(truthOf(pump, levels, supplyV), random) };
  });
  return { startAt, endAt: startAt + lengthMs, samples };
};
