/** Vibration of the casing: amplitudes of the rotation orders, summed to what an RMS accelerometer shows. */
import type { PumpDesign } from './pump-design.ts';

const BROADBAND_OF_CAVITATION_G = 0.045;
const UNBALANCE_OF_FAULT_G = 0.22;

export interface VibrationCondition {
  /** Speed over nominal speed. */
  readonly relativeSpeed: number;
  /** Flow over the flow of best efficiency. */
  readonly relativeFlow: number;
  /** 0 balanced … 1 the heaviest imbalance. */
  readonly imbalance: number;
  /** 0..1. */
  readonly cavitation: number;
}

export interface VibrationOrders {
  /** Amplitude in g at one and two times the rotation, and at the blade pass. */
  readonly first: number;
  readonly second: number;
  readonly bladePass: number;
  /** RMS in g of what has no order: bearings and collapsing bubbles. */
  readonly broadband: number;
}

/** A rotating mass pulls with the square of the speed; the blade pass grows away from the best flow. */
export const vibrationOrders = (design: PumpDesign['vibration'], condition: VibrationCondition): VibrationOrders => {
  const speedSquared = condition.relativeSpeed ** 2;
  const offBest = condition.relativeFlow - 1;
  return {
    first: (design.unbalanceG + UNBALANCE_OF_FAULT_G * condition.imbalance) * speedSquared,
    second: design.misalignmentG * speedSquared,
    bladePass: design.bladePassG * (1 + 2 * offBest * offBest) * speedSquared,
    broadband: Math.hypot(
      design.bearingRmsG * condition.relativeSpeed,
      BROADBAND_OF_CAVITATION_G * condition.cavitation,
    ),
  };
};

/** Sinusoids of different frequency are orthogonal: RMS² = Σ A²/2 + broadband². */
export const vibrationRms = (orders: VibrationOrders, gain: number): number =>
  gain * Math.sqrt((orders.first ** 2 + orders.second ** 2 + orders.bladePass ** 2) / 2 + orders.broadband ** 2);
