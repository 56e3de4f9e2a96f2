/** One simulated pump: a state, and a pure step that moves it on and says what its sensors show. */
import { gaussian, type Random } from '../seeded-random.ts';
import type { PumpChannel, PumpValues } from './channels.ts';
import {
  availableSuctionHeadM,
  cavitationAt,
  dischargePressureBar,
  effectivenessOf,
  operatingPoint,
  WATER_KG_PER_M3,
  type HydraulicCondition,
  type OperatingPoint,
} from './hydraulics.ts';
import { motorState, restingTemperatures, shaftPowerW, warm, type MotorState, type Temperatures } from './motor.ts';
import type { PumpDesign } from './pump-design.ts';
import { faultLevels, type FaultLevels, type PumpFault } from './pump-faults.ts';
import { measure } from './sensor-noise.ts';
import { vibrationOrders, vibrationRms } from './vibration.ts';

/** Longest step of the integration; longer ones are split. */
const LONGEST_STEP_S = 1;
const BUBBLES_FORM_IN_S = 2;
const SUPPLY_WANDERS_IN_S = 60;
const SUPPLY_SPREAD_V = 0.8;
const LITRES_PER_MINUTE = 60_000;
/** A valve that is called closed still weeps. */
const CLOSED_VALVE = 0.02;

export interface PumpState extends Temperatures {
  readonly elapsedMs: number;
  readonly tankKg: number;
  /** Mass that left through the leak since the beginning. */
  readonly spiltKg: number;
  /** 0..1. */
  readonly cavitation: number;
  /** True supply voltage, without what the meter adds. */
  readonly supplyV: number;
  readonly point: OperatingPoint;
  readonly motor: MotorState;
  /** What the sensors last showed; stuck ones repeat it. */
  readonly shown: PumpValues | undefined;
}

interface PumpSample {
  /** Milliseconds after the beginning. */
  readonly elapsedMs: number;
  readonly values: PumpValues;
}

export type PumpStep = (
  state: PumpState,
  dtMs: number,
  random: Random,
) => { readonly state: PumpState; readonly sample: PumpSample };

const conditionOf = (design: PumpDesign, state: PumpState, levels: FaultLevels): HydraulicCondition => ({
  valveOpening: 1 - (1 - CLOSED_VALVE) * levels.valveClosing,
  leak: levels.leak,
  cavitation: state.cavitation,
  priming: Math.min(1, state.tankKg / design.hydraulics.primingMassKg),
});

const driven = (design: PumpDesign, condition: HydraulicCondition, supplyV: number) => {
  const point = operatingPoint(design.hydraulics, condition);
  const shaftW = shaftPowerW(design.motor, point.pumpFlowM3PerS, effectivenessOf(condition));
  return { point, motor: motorState(design.motor, supplyV, shaftW) };
};

/** A healthy pump that has run long enough for its temperatures to rest. */
export const warmPump = (design: PumpDesign): PumpState => {
  const supplyV = design.motor.ratedVoltageV;
  const tankKg = design.hydraulics.tankMassKg;
  const { point, motor } = driven(design, { valveOpening: 1, leak: 0, cavitation: 0, priming: 1 }, supplyV);
  const heat = { motorLossW: motor.lossW, shaftPowerW: motor.shaftPowerW, fluidMassKg: tankKg };
  const resting = restingTemperatures(design.heat, heat);
  return { ...resting, elapsedMs: 0, tankKg, spiltKg: 0, cavitation: 0, supplyV, point, motor, shown: undefined };
};

const advance = (design: PumpDesign, state: PumpState, levels: FaultLevels, seconds: number): PumpState => {
  const { point, motor } = driven(design, conditionOf(design, state, levels), state.supplyV);
  const spillKg = Math.min(state.tankKg, point.leakFlowM3PerS * WATER_KG_PER_M3 * seconds);
  const heat = { motorLossW: motor.lossW, shaftPowerW: motor.shaftPowerW, fluidMassKg: Math.max(1, state.tankKg) };
  const levelM = state.tankKg / (WATER_KG_PER_M3 * design.hydraulics.tankAreaM2);
  const suctionM = availableSuctionHeadM(state.fluidC, levelM, 0.95 * levels.cavitation);
  const cavitation = cavitationAt(suctionM, design.hydraulics.requiredSuctionHeadM);
  return {
    ...state,
    ...warm(design.heat, state, heat, seconds),
    elapsedMs: state.elapsedMs + seconds * 1_000,
    tankKg: state.tankKg - spillKg,
    spiltKg: state.spiltKg + spillKg,
    cavitation: state.cavitation + (cavitation - state.cavitation) * (1 - Math.exp(-seconds / BUBBLES_FORM_IN_S)),
    point,
    motor,
  };
};

/** What perfect instruments would show. */
export const truthOf = (design: PumpDesign, state: PumpState, imbalance: number): PumpValues => {
  const orders = vibrationOrders(design.vibration, {
    relativeSpeed: state.motor.rotationHz / (design.motor.synchronousHz * (1 - design.motor.slip)),
    relativeFlow: state.point.pumpFlowM3PerS / design.hydraulics.bestFlowM3PerS,
    imbalance,
    cavitation: state.cavitation,
  });
  return {
    Accelerometer1RMS: vibrationRms(orders, design.vibration.gains[0]),
    Accelerometer2RMS: vibrationRms(orders, design.vibration.gains[1]),
    Current: state.motor.currentA,
    Pressure: dischargePressureBar(state.point.headM),
    Temperature: state.motorC,
    Thermocouple: state.fluidC,
    Voltage: state.supplyV,
    'Volume Flow RateRMS': state.point.returnFlowM3PerS * LITRES_PER_MINUTE,
  };
};

/** Ornstein-Uhlenbeck: the grid wanders around its rated voltage. */
const wander = (design: PumpDesign, supplyV: number, seconds: number, random: Random): number => {
  const kept = Math.exp(-seconds / SUPPLY_WANDERS_IN_S);
  const rated = design.motor.ratedVoltageV;
  return rated + (supplyV - rated) * kept + SUPPLY_SPREAD_V * Math.sqrt(1 - kept * kept) * gaussian(random);
};

const withStuck = (measured: PumpValues, shown: PumpValues | undefined, stuck: ReadonlySet<string>): PumpValues => {
  if (shown === undefined || stuck.size === 0) return measured;
  const values = { ...measured };
  for (const channel of stuck) values[channel as PumpChannel] = shown[channel as PumpChannel];
  return values;
};

/** The step of one rig with its faults. The same state, step and random stream give the same result; nothing is kept inside. */
export const pumpStep =
  (design: PumpDesign, faults: readonly PumpFault[]): PumpStep =>
  (state, dtMs, random) => {
    const steps = Math.max(1, Math.ceil(dtMs / 1_000 / LONGEST_STEP_S));
    const seconds = dtMs / 1_000 / steps;
    let next: PumpState = { ...state, supplyV: wander(design, state.supplyV, dtMs / 1_000, random) };
    for (let index = 0; index < steps; index += 1) {
      next = advance(design, next, faultLevels(faults, next.elapsedMs), seconds);
    }
    const levels = faultLevels(faults, next.elapsedMs);
    const measured = measure(truthOf(design, next, levels.imbalance), random);
    const values = withStuck(measured, state.shown, levels.stuck);
    return { state: { ...next, shown: values }, sample: { elapsedMs: next.elapsedMs, values } };
  };
