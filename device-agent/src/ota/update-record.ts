/** What the updater keeps on disk: of each model what runs, what ran before, and how far its update is. */
import { assignedModelSchema, updateStateSchema } from '@shoal/protocol/wire';
import { z } from 'zod';

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);

/** A version that lies unpacked and verified on this device, by the sha256 of its packed bundle. */
export const installedSchema = z.object({
  version: z.string(),
  sha256: sha256Schema,
  /** Of its manifest: the name by which the device reports what it runs. */
  digest: sha256Schema,
  releaseCounter: z.int().min(1),
  /** Sensors that the assignment named. */
  source: z.array(z.string()).optional(),
});
export type Installed = z.infer<typeof installedSchema>;

export const causeSchema = z.object({
  code: z.string().max(64),
  message: z.string().max(512),
  /** Of a hold: when it ends by itself. */
  until: z.number().optional(),
});
export type Cause = z.infer<typeof causeSchema>;

export const updateSchema = z.object({
  assigned: assignedModelSchema,
  /** What the repository signed of it: the digest of its manifest, and the sha256 of each chunk of the packed bundle, in order. */
  signed: z.object({ digest: sha256Schema, chunks: z.array(sha256Schema).min(1).max(1_024) }),
  state: updateStateSchema,
  /** Since when, by the clock of the device. */
  sinceAt: z.number(),
  /** Milliseconds that the agent has run in this state: no step of the clock moves a deadline. */
  elapsedMs: z.number().min(0),
  /** Times that the agent began anew in this state without having stopped in good order. */
  crashes: count,
  /** The agent stopped in good order since. */
  atRest: z.boolean(),
  /** Attempts of the work of this state that failed and may succeed later. */
  retries: count,
  /** Downloads that were not what was signed once they were whole. */
  corrupted: count,
  cause: causeSchema.optional(),
  selfTest: z.object({ p50Ms: z.number(), p95Ms: z.number(), rssMb: z.number(), engine: z.string() }).optional(),
  shadow: z.object({ windows: count, agreed: count, p95Ms: z.number().optional() }).optional(),
  probation: z.object({ inferences: count, failures: count }).optional(),
  /** The fleet was reached since it was committed. */
  confirmed: z.boolean(),
  /** The work of this state is done, and what comes next waits until nobody holds updates. */
  held: z.boolean().default(false),
});
export type Update = z.infer<typeof updateSchema>;

export const modelRecordSchema = z.object({
  /** Null: the model of the configuration, or none. */
  active: installedSchema.nullable(),
  previous: installedSchema.nullable(),
  update: updateSchema.nullable(),
  /** Lowest release counter that may run; only ever rises. */
  floor: count,
  /** Packed bundles that this device will not try again, oldest first. */
  refused: z.array(z.object({ sha256: sha256Schema, code: z.string() })).max(64),
});
export type ModelRecord = z.infer<typeof modelRecordSchema>;

export const recordSchema = z.object({
  v: z.literal(1),
  /** Of the newest assignment that was verified. */
  assignmentCounter: count,
  /** It is not earlier than this, whatever the clock says: the newest instant that a verified signature covers. */
  notBeforeAt: z.number(),
  models: z.record(z.string(), modelRecordSchema),
});
export type UpdaterRecord = z.infer<typeof recordSchema>;

export const EMPTY_RECORD: UpdaterRecord = { v: 1, assignmentCounter: 0, notBeforeAt: 0, models: {} };
export const EMPTY_MODEL: ModelRecord = { active: null, previous: null, update: null, floor: 0, refused: [] };
