/** What one pump rig is made of: the constants of its hydraulics, motor, heat and bearings, in SI units. */
import { uniform, type Random } from '../seeded-random.ts';

export interface PumpDesign {
  readonly hydraulics: {
    /** Head at zero flow. */
    readonly shutOffHeadM: number;
    /** Head lost per squared flow: H(Q) = H0 − a·Q². */
    readonly curvatureS2PerM5: number;
    /** Flow per root of head through the loop with its valve open: Q = G·√H. */
    readonly loopConductance: number;
    /** Conductance of the largest leak, as a part of the loop's. */
    readonly leakShare: number;
    readonly tankMassKg: number;
    /** Below this mass the pump draws air and loses its prime. */
    readonly primingMassKg: number;
    readonly tankAreaM2: number;
    /** Net positive suction head the pump requires. */
    readonly requiredSuctionHeadM: number;
    readonly bestFlowM3PerS: number;
  };
  readonly motor: {
    readonly ratedVoltageV: number;
    readonly powerFactor: number;
    readonly windingOhm: number;
    /** Iron and windage loss at rated voltage. */
    readonly noLoadLossW: number;
    /** Shaft power at zero flow and its rise with flow. */
    readonly shaftPowerAtRestW: number;
    readonly shaftPowerPerFlow: number;
    readonly synchronousHz: number;
    /** Slip at nominal load and rated voltage, 0..1. */
    readonly slip: number;
    readonly nominalShaftW: number;
  };
  readonly heat: {
    readonly ambientC: number;
    readonly motorCapacityJPerK: number;
    readonly motorToAirWPerK: number;
    readonly motorToFluidWPerK: number;
    readonly fluidToAirWPerK: number;
  };
  /** Amplitudes in g at nominal speed. */
  readonly vibration: {
    readonly unbalanceG: number;
    readonly misalignmentG: number;
    readonly bladePassG: number;
    readonly bearingRmsG: number;
    /** Transmission from the shaft to each accelerometer. */
    readonly gains: readonly [number, number];
  };
}

/** A throttled circulation pump in the operating region of SKAB's valve1 experiments. */
export const NOMINAL_PUMP: PumpDesign = {
  hydraulics: {
    shutOffHeadM: 1.25,
    curvatureS2PerM5: 1.758e6,
    loopConductance: 6.158e-4,
    leakShare: 0.06,
    tankMassKg: 60,
    primingMassKg: 4,
    tankAreaM2: 0.15,
    requiredSuctionHeadM: 3,
    bestFlowM3PerS: 5.6e-4,
  },
  motor: {
    ratedVoltageV: 231,
    powerFactor: 0.63,
    windingOhm: 8,
    noLoadLossW: 104,
    shaftPowerAtRestW: 18,
    shaftPowerPerFlow: 28_000,
    synchronousHz: 50,
    slip: 0.04,
    nominalShaftW: 33,
  },
  heat: {
    ambientC: 22,
    motorCapacityJPerK: 2_500,
    motorToAirWPerK: 1.78,
    motorToFluidWPerK: 0.4,
    fluidToAirWPerK: 13.7,
  },
  vibration: {
    unbalanceG: 0.018,
    misalignmentG: 0.008,
    bladePassG: 0.012,
    bearingRmsG: 0.0215,
    gains: [1, 1.48],
  },
};

/** A sister of a rig: the same type, its constants spread by about `spread` (0.02 = two percent) as castings and rooms differ. */
export const sisterPump = (design: PumpDesign, random: Random, spread = 0.02): PumpDesign => {
  const near = (value: number): number => value * uniform(random, 1 - spread, 1 + spread);
  const { hydraulics, motor, heat, vibration } = design;
  return {
    hydraulics: {
      ...hydraulics,
      shutOffHeadM: near(hydraulics.shutOffHeadM),
      loopConductance: near(hydraulics.loopConductance),
    },
    motor: { ...motor, noLoadLossW: near(motor.noLoadLossW), windingOhm: near(motor.windingOhm) },
    heat: { ...heat, ambientC: near(heat.ambientC), motorToAirWPerK: near(heat.motorToAirWPerK) },
    vibration: { ...vibration, unbalanceG: near(vibration.unbalanceG), bearingRmsG: near(vibration.bearingRmsG) },
  };
};
