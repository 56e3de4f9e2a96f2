/** What a manifest can let a model use that the static gate refuses otherwise. */
import { z } from 'zod';

/**
 * What a model may use only when its manifest says so: loops and branches (`control-flow`) can run for ever and compute their sizes,
 * functions of the file's own (`local-functions`) can unfold, operators of Microsoft's domain (`vendor-operators`) are in no standard.
 */
export const GATE_FLAGS = ['control-flow', 'local-functions', 'vendor-operators'] as const;
export type GateFlag = (typeof GATE_FLAGS)[number];

/** In a manifest; nothing is allowed where it is absent. */
export const gateSchema = z.strictObject({
  allow: z.array(z.enum(GATE_FLAGS)).refine((flags) => new Set(flags).size === flags.length, 'flags repeat'),
});
