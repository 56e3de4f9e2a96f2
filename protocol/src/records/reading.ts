/** A reading: what the sensors of one device said at one instant. */
import { z } from 'zod';
import { BOUNDS } from '../bounds.ts';
import { instantSchema, sequenceSchema } from '../identifiers.ts';

/** Why a value is missing or not to be trusted; `null` values carry one. */
export const valueMarkSchema = z
  .enum(['missing', 'not-finite', 'stuck', 'out-of-range', 'gap', 'interpolated'])
  .meta({ id: 'ValueMark' });
export type ValueMark = z.infer<typeof valueMarkSchema>;

const channelNameSchema = z.string().min(1).max(64);

export const readingSchema = z
  .object({
    sequence: sequenceSchema,
    /** By the device's clock. */
    observedAt: instantSchema,
    /** Which sensor source of the device. */
    source: z.string().min(1).max(64),
    /** Channel → value in the unit that the device's configuration declares; `null` when there was none. */
    values: z
      .record(channelNameSchema, z.number().nullable())
      .refine((values) => Object.keys(values).length <= BOUNDS.valuesPerRecord, {
        message: `at most ${BOUNDS.valuesPerRecord} values in one reading`,
      }),
    marks: z.record(channelNameSchema, valueMarkSchema).optional(),
  })
  .meta({
    id: 'Reading',
    examples: [{ sequence: 17, observedAt: 1760000000123, source: 'pump', values: { Pressure: 0.38, Current: 1.33 } }],
  });
export type Reading = z.infer<typeof readingSchema>;
