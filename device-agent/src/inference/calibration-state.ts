/** How far a device is in finding its own normal: the state that is kept on disk, and the pure steps from one to the next. */
import { MAX_COLLECTED_WINDOWS, type DeviceNormal } from '@shoal/models';
import { z } from 'zod';

const normalSchema = z.object({
  location: z.array(z.number()),
  threshold: z.number(),
  isSteady: z.boolean(),
  windows: z.int().min(1),
  /** When it was found, by the device's clock. */
  at: z.number(),
});
/** A calibration that is complete. */
export type FoundNormal = z.infer<typeof normalSchema> & DeviceNormal;

const collectionSchema = z.object({
  /** Samples of the source that went by since the collection began. */
  samples: z.int().min(0),
  /** Feature vectors of the windows so far. */
  rows: z.array(z.array(z.number())).max(MAX_COLLECTED_WINDOWS),
});
export type Collection = z.infer<typeof collectionSchema>;

/** Both while a device that was calibrated before collects anew: the old normal holds until the new one is found. */
export const calibrationStateSchema = z.object({
  /** Of the bundle; another bundle begins anew. */
  digest: z.string(),
  normal: normalSchema.optional(),
  collection: collectionSchema.optional(),
});
export type CalibrationState = z.infer<typeof calibrationStateSchema>;

export const EMPTY_COLLECTION: Collection = { samples: 0, rows: [] };

export const firstState = (digest: string): CalibrationState => ({ digest, collection: EMPTY_COLLECTION });

/** What is new since the last write before there is another. */
const GROWTH = 0.5;
const REST_MS = 120_000;

/**
 * With every half more than `savedRows`, but not within two minutes of the last time: each write is a file and its folder
 * anew, 12 to 40 kB on ext4. A power cut costs two minutes or the last third of the windows, whichever is more. An agent
 * that stops in good order saves what it has.
 */
export const isWorthSaving = ({ rows }: Collection, savedRows: number, sinceMs: number): boolean =>
  sinceMs >= REST_MS && rows.length >= savedRows + Math.max(1, savedRows * GROWTH);
