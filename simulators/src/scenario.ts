/** A scenario: a fleet, and what goes wrong with it when. Read from JSON, or made from fault names and a seed. */
import { z } from 'zod';
import { SimulatorError } from './errors.ts';
import { networkConditionsSchema, type NetworkConditions } from './faults/network-conditions.ts';
import { pumpFaultSchema } from './physics/pump-faults.ts';

const when = {
  /** Seconds after the fleet was started. */
  atS: z.number().min(0),
  /** Seconds it lasts. */
  forS: z.number().positive(),
};
/** Index of a device, from 0; full agents come first. */
const device = z.int().min(0);

export const scenarioSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
    description: z.string().default(''),
    seed: z.union([z.string(), z.number()]).default(1),
    devices: z.strictObject({
      total: z.int().min(1).max(20_000),
      /** How many of them are full agents with an engine; the others are light. */
      full: z.int().min(0).max(64),
    }),
    /** Time between two samples of a light device; full agents sample at 1 Hz. */
    samplePeriodMs: z.int().min(10).max(3_600_000).default(1_000),
    /** Absent: until it is stopped. */
    durationS: z.number().positive().optional(),
    pumps: z.array(z.strictObject({ device, faults: z.array(pumpFaultSchema).min(1) })).default([]),
    network: z.array(z.strictObject({ ...when, conditions: networkConditionsSchema })).default([]),
    /** RST on every connection at once. */
    resetsAtS: z.array(z.number().min(0)).default([]),
    clocks: z
      .array(
        z.strictObject({
          device,
          offsetMs: z.number().default(0),
          driftPpm: z.number().default(0),
        }),
      )
      .default([]),
    /** `kill`: SIGKILL and a restart after `forS`; `freeze`: SIGSTOP for `forS`. */
    server: z.array(z.strictObject({ ...when, action: z.enum(['kill', 'freeze']) })).default([]),
    /** The server's disk is full. */
    disk: z.array(z.strictObject(when)).default([]),
  })
  .refine(({ devices }) => devices.full <= devices.total, {
    message: 'more full agents than devices',
    path: ['devices'],
  })
  .refine(({ devices, pumps, clocks }) => [...pumps, ...clocks].every((entry) => entry.device < devices.total), {
    message: 'a device beyond the fleet is named',
    path: ['devices'],
  })
  .meta({ id: 'Scenario' });
export type Scenario = z.infer<typeof scenarioSchema>;

/** @throws SimulatorError SCENARIO_INVALID with every fault and its path */
export const readScenario = (json: unknown): Scenario => {
  const parsed = scenarioSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || '(root)'}: ${issue.message}`);
  throw new SimulatorError('SCENARIO_INVALID', `Invalid scenario: ${faults.join('; ')}.`);
};

/** What happens to the fleet's surroundings at one moment. */
export type Disturbance =
  | { readonly what: 'network'; readonly conditions: NetworkConditions | undefined }
  | { readonly what: 'reset-connections' }
  | { readonly what: 'kill-server' | 'start-server' | 'freeze-server' | 'thaw-server' }
  | { readonly what: 'fill-disk' | 'free-disk' };

export interface Moment {
  readonly atMs: number;
  readonly disturbance: Disturbance;
}

/** Everything a scenario does, in order; what begins also ends. */
export const timeline = (scenario: Scenario): readonly Moment[] => {
  const moments: Moment[] = [];
  const add = (atS: number, disturbance: Disturbance): void => void moments.push({ atMs: atS * 1_000, disturbance });
  for (const { atS, forS, conditions } of scenario.network) {
    add(atS, { what: 'network', conditions });
    add(atS + forS, { what: 'network', conditions: undefined });
  }
  for (const atS of scenario.resetsAtS) add(atS, { what: 'reset-connections' });
  for (const { atS, forS, action } of scenario.server) {
    add(atS, { what: action === 'kill' ? 'kill-server' : 'freeze-server' });
    add(atS + forS, { what: action === 'kill' ? 'start-server' : 'thaw-server' });
  }
  for (const { atS, forS } of scenario.disk) {
    add(atS, { what: 'fill-disk' });
    add(atS + forS, { what: 'free-disk' });
  }
  return moments.sort((a, b) => a.atMs - b.atMs);
};
