/** Context: what the fleet knows about itself and about one device, for devices to ask for over MQTT. */
import { z } from 'zod';
import { deviceIdSchema, instantSchema } from '../identifiers.ts';
import { jsonObjectSchema } from '../twin.ts';

/** What a device gets is the fleet's values overlaid by its own, key by key. */
export const contextDocumentSchema = z
  .object({
    deviceId: deviceIdSchema.nullable().describe("null for the fleet's own."),
    values: jsonObjectSchema,
    revision: z.int().min(0).describe('0 and null until something was put there.'),
    updatedAt: instantSchema.nullable(),
  })
  .meta({
    id: 'ContextDocument',
    examples: [{ deviceId: null, values: { site: 'north' }, revision: 2, updatedAt: 1760000000123 }],
  });
export type ContextDocument = z.infer<typeof contextDocumentSchema>;

/** Replaces the document whole. */
export const contextPutSchema = z
  .strictObject({ values: jsonObjectSchema })
  .meta({ id: 'ContextPut', examples: [{ values: { site: 'north', shift: 'late' } }] });
export type ContextPut = z.infer<typeof contextPutSchema>;
