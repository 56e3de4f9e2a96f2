/** A reading: what the sensors of one device said at one instant. */
import { z } from 'zod';
import { instantSchema, sequenceSchema } from '../identifiers.ts';
import { namedValues } from './named-values.ts';

/**
 * Why a value is missing or not to be trusted; `null` values carry one. `stuck` and `out-of-range` stand beside the value as
 * it came, `gap` beside the first one after samples that are missing.
 */
export const valueMarkSchema = z
  .enum(['missing', 'not-finite', 'stuck', 'out-of-range', 'gap', 'interpolated'])
  .meta({ id: 'ValueMark' });
export type ValueMark = z.infer<typeof valueMarkSchema>;

export const readingSchema = z
  .object({
    sequence: sequenceSchema,
    observedAt: instantSchema.describe("By the device's clock."),
    source: z.string().min(1).max(64).describe('Which sensor source of the device.'),
    values: namedValues(z.number().nullable()).describe(
      "Channel → value in the unit that the device's configuration declares; null when there was none.",
    ),
    marks: namedValues(valueMarkSchema).optional(),
  })
  .meta({
    id: 'Reading',
    examples: [{ sequence: 17, observedAt: 1760000000123, source: 'pump', values: { Pressure: 0.38, Current: 1.33 } }],
  });
export type Reading = z.infer<typeof readingSchema>;
