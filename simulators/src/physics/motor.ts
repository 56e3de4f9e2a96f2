/** The motor: from shaft load and supply voltage to current, losses, speed, and the heat in motor and water. */
import { WATER_J_PER_KG_K } from './hydraulics.ts';
import type { PumpDesign } from './pump-design.ts';

export interface MotorState {
  readonly currentA: number;
  readonly electricalPowerW: number;
  readonly shaftPowerW: number;
  /** Becomes heat in the motor: electrical minus shaft power. */
  readonly lossW: number;
  readonly rotationHz: number;
}

/** Shaft power rises linearly with flow in a radial pump; what cavitation or air takes from the head unloads the shaft alike. */
export const shaftPowerW = (design: PumpDesign['motor'], pumpFlowM3PerS: number, effectiveness: number): number =>
  (design.shaftPowerAtRestW + design.shaftPowerPerFlow * pumpFlowM3PerS) * (0.3 + 0.7 * effectiveness);

/** Solves V·pf·I = P_shaft + P_no-load + R·I² for the smaller root: the running motor, not the stalled one. */
export const motorState = (design: PumpDesign['motor'], voltageV: number, shaftW: number): MotorState => {
  const perAmpere = voltageV * design.powerFactor;
  const noLoadW = design.noLoadLossW * (voltageV / design.ratedVoltageV) ** 2;
  const discriminant = Math.max(0, perAmpere * perAmpere - 4 * design.windingOhm * (shaftW + noLoadW));
  const currentA = (perAmpere - Math.sqrt(discriminant)) / (2 * design.windingOhm);
  const lossW = noLoadW + design.windingOhm * currentA * currentA;
  const load = (shaftW / design.nominalShaftW) * (design.ratedVoltageV / voltageV) ** 2;
  return {
    currentA,
    electricalPowerW: shaftW + lossW,
    shaftPowerW: shaftW,
    lossW,
    rotationHz: design.synchronousHz * (1 - design.slip * load),
  };
};

export interface Temperatures {
  readonly motorC: number;
  readonly fluidC: number;
}

export interface HeatFlow {
  readonly motorLossW: number;
  /** All of it ends as heat in the loop. */
  readonly shaftPowerW: number;
  readonly fluidMassKg: number;
}

/** Heat that leaves to the room, in W. */
export const heatToRoomW = (design: PumpDesign['heat'], { motorC, fluidC }: Temperatures): number =>
  design.motorToAirWPerK * (motorC - design.ambientC) + design.fluidToAirWPerK * (fluidC - design.ambientC);

/** Two bodies, first order each: one explicit Euler step; stable for steps far below the motor's time constant (~20 min). */
export const warm = (
  design: PumpDesign['heat'],
  temperatures: Temperatures,
  flow: HeatFlow,
  seconds: number,
): Temperatures => {
  const { motorC, fluidC } = temperatures;
  const exchangeW = design.motorToFluidWPerK * (motorC - fluidC);
  const motorW = flow.motorLossW - exchangeW - design.motorToAirWPerK * (motorC - design.ambientC);
  const fluidW = flow.shaftPowerW + exchangeW - design.fluidToAirWPerK * (fluidC - design.ambientC);
  return {
    motorC: motorC + (motorW * seconds) / design.motorCapacityJPerK,
    fluidC: fluidC + (fluidW * seconds) / (flow.fluidMassKg * WATER_J_PER_KG_K),
  };
};

/** Where both temperatures come to rest: the balance of `warm`, solved. */
export const restingTemperatures = (design: PumpDesign['heat'], flow: HeatFlow): Temperatures => {
  const { motorToAirWPerK: air, motorToFluidWPerK: shared, fluidToAirWPerK: fluidAir, ambientC } = design;
  const determinant = (air + shared) * (fluidAir + shared) - shared * shared;
  const overMotor = ((fluidAir + shared) * flow.motorLossW + shared * flow.shaftPowerW) / determinant;
  const overFluid = ((air + shared) * flow.shaftPowerW + shared * flow.motorLossW) / determinant;
  return { motorC: ambientC + overMotor, fluidC: ambientC + overFluid };
};
