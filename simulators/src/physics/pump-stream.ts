/** A running pump: holds the state of one rig between samples. */
import { seededRandom, type Random } from '../seeded-random.ts';
import type { PumpValues } from './channels.ts';
import { NOMINAL_PUMP, sisterPump } from './pump-design.ts';
import type { PumpFault } from './pump-faults.ts';
import { pumpStep, warmPump, type PumpState, type PumpStep } from './pump.ts';

export class PumpStream {
  private readonly step: PumpStep;
  private readonly random: Random;
  private state: PumpState;

  constructor(step: PumpStep, state: PumpState, random: Random) {
    this.step = step;
    this.state = state;
    this.random = random;
  }

  /** What the sensors show `dtMs` later. */
  next(dtMs: number): PumpValues {
    const { state, sample } = this.step(this.state, dtMs, this.random);
    this.state = state;
    return sample.values;
  }
}

/** A warm sister of the nominal pump; the seed decides its constants and all its noise. */
export const sisterStream = (seed: string, faults: readonly PumpFault[]): PumpStream => {
  const design = sisterPump(NOMINAL_PUMP, seededRandom(`${seed}/design`));
  return new PumpStream(pumpStep(design, faults), warmPump(design), seededRandom(`${seed}/noise`));
};
