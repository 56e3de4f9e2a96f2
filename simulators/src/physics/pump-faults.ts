/** Faults of a pump over time: each has an onset, grows over a ramp, may end, and has a severity. */
import { z } from 'zod';
import { isPumpChannel } from './channels.ts';

const course = {
  /** Milliseconds after the simulation began. */
  onsetMs: z.number().min(0).default(0),
  /** From nothing to full severity. */
  rampMs: z.number().min(0).default(0),
  /** Length from the onset; absent: for ever. */
  durationMs: z.number().positive().optional(),
  severity: z.number().min(0).max(1).default(1),
};

/**
 * `valve-closing`: the loop's valve; `leak`: behind the pump, out of the loop; `imbalance`: a mass on the impeller;
 * `cavitation`: the vent of the tank blocks and the suction head falls; `sensor-stuck`: a channel repeats its last value.
 */
export const pumpFaultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('valve-closing'), ...course }),
  z.strictObject({ kind: z.literal('leak'), ...course }),
  z.strictObject({ kind: z.literal('imbalance'), ...course }),
  z.strictObject({ kind: z.literal('cavitation'), ...course }),
  z.strictObject({
    kind: z.literal('sensor-stuck'),
    channel: z.string().refine(isPumpChannel, { message: 'not a channel of the pump' }),
    ...course,
  }),
]);
export type PumpFault = z.infer<typeof pumpFaultSchema>;

/** How far a fault has grown, 0..severity. */
const faultLevel = (fault: PumpFault, elapsedMs: number): number => {
  const sinceMs = elapsedMs - fault.onsetMs;
  if (sinceMs < 0 || (fault.durationMs !== undefined && sinceMs >= fault.durationMs)) return 0;
  return fault.rampMs === 0 ? fault.severity : fault.severity * Math.min(1, sinceMs / fault.rampMs);
};

export interface FaultLevels {
  readonly valveClosing: number;
  readonly leak: number;
  readonly imbalance: number;
  readonly cavitation: number;
  readonly stuck: ReadonlySet<string>;
}

/** All faults at one instant; of several of a kind the worst counts. */
export const faultLevels = (faults: readonly PumpFault[], elapsedMs: number): FaultLevels => {
  const worst = (kind: PumpFault['kind']): number =>
    faults.reduce((level, fault) => (fault.kind === kind ? Math.max(level, faultLevel(fault, elapsedMs)) : level), 0);
  const stuck = faults.flatMap((fault) =>
    fault.kind === 'sensor-stuck' && faultLevel(fault, elapsedMs) > 0 ? [fault.channel] : [],
  );
  return {
    valveClosing: worst('valve-closing'),
    leak: worst('leak'),
    imbalance: worst('imbalance'),
    cavitation: worst('cavitation'),
    stuck: new Set(stuck),
  };
};
