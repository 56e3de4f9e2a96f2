/** Where pump curve and system curve meet, and how close the pump is to cavitation. */
import type { PumpDesign } from './pump-design.ts';

export const WATER_KG_PER_M3 = 998;
const GRAVITY_M_PER_S2 = 9.81;
export const WATER_J_PER_KG_K = 4_186;
const ATMOSPHERE_PA = 101_325;
/** Head that full cavitation takes from the pump. */
const HEAD_LOST_TO_CAVITATION = 0.35;
/** Cavitation begins before the breakdown that the required suction head names: at 1.3 times of it. */
const INCEPTION_MARGIN = 1.3;

export interface HydraulicCondition {
  /** 0 closed … 1 open. */
  readonly valveOpening: number;
  /** 0 tight … 1 the largest leak. */
  readonly leak: number;
  /** 0 none … 1 full. */
  readonly cavitation: number;
  /** 0 sucks air … 1 primed. */
  readonly priming: number;
}

export interface OperatingPoint {
  /** Through the pump. */
  readonly pumpFlowM3PerS: number;
  /** Back into the tank, where the flow meter sits. */
  readonly returnFlowM3PerS: number;
  readonly leakFlowM3PerS: number;
  readonly headM: number;
  /** Power given to the water. */
  readonly hydraulicPowerW: number;
}

/** What cavitation and air leave of the pump's head, 0..1. */
export const effectivenessOf = (condition: HydraulicCondition): number =>
  condition.priming * (1 - HEAD_LOST_TO_CAVITATION * condition.cavitation);

/**
 * Solves c·(H0 − a·Q²) = (Q/G)² for Q in closed form, where G adds the conductances of loop and leak in parallel and c is
 * what cavitation and air leave of the head.
 */
export const operatingPoint = (design: PumpDesign['hydraulics'], condition: HydraulicCondition): OperatingPoint => {
  const loop = design.loopConductance * condition.valveOpening;
  const leak = design.loopConductance * design.leakShare * condition.leak;
  const conductance = loop + leak;
  const effectiveness = effectivenessOf(condition);
  const headM =
    (effectiveness * design.shutOffHeadM) / (1 + effectiveness * design.curvatureS2PerM5 * conductance * conductance);
  const rootOfHead = Math.sqrt(headM);
  const pumpFlowM3PerS = conductance * rootOfHead;
  return {
    pumpFlowM3PerS,
    returnFlowM3PerS: loop * rootOfHead,
    leakFlowM3PerS: leak * rootOfHead,
    headM,
    hydraulicPowerW: WATER_KG_PER_M3 * GRAVITY_M_PER_S2 * pumpFlowM3PerS * headM,
  };
};

/** Saturation pressure of water in Pa (Magnus form, Alduchov and Eskridge 1996). */
const vapourPressurePa = (temperatureC: number): number =>
  610.94 * Math.exp((17.625 * temperatureC) / (temperatureC + 243.04));

/** Net positive suction head available in metres, with the vent of the tank blocked to a degree of 0..1. */
export const availableSuctionHeadM = (fluidC: number, levelM: number, ventBlocked: number): number =>
  (ATMOSPHERE_PA * (1 - ventBlocked) - vapourPressurePa(fluidC)) / (WATER_KG_PER_M3 * GRAVITY_M_PER_S2) + levelM;

/** The degree of cavitation, 0..1, that a suction head leads to once bubbles have had time to form. */
export const cavitationAt = (availableM: number, requiredM: number): number =>
  Math.min(1, Math.max(0, (INCEPTION_MARGIN * requiredM - availableM) / requiredM));

/** Discharge pressure in bar over the tank. */
export const dischargePressureBar = (headM: number): number => (WATER_KG_PER_M3 * GRAVITY_M_PER_S2 * headM) / 1e5;
