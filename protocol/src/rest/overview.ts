/** The fleet at a glance: counts by state, rates, and the reasons that need a person first. */
import { z } from 'zod';
import { deviceIdSchema, instantSchema } from '../identifiers.ts';
import { deviceStateSchema } from './devices.ts';

export const fleetSummarySchema = z
  .object({
    at: instantSchema,
    devices: z.object({ total: z.int(), byState: z.partialRecord(deviceStateSchema, z.int()) }),
    connections: z.int(),
    rates: z
      .object({ records: z.number(), predictions: z.number(), messages: z.number(), deadLetters: z.number() })
      .describe('Per second over the last minute.'),
    totals: z.object({
      records: z.int(),
      duplicates: z.int(),
      deadLetters: z.int(),
      droppedOnDevices: z.int().describe('Evicted on devices, by their own counters.'),
    }),
    predictionSources: z.record(z.string(), z.int()).describe('Where predictions of the last minute ran.'),
    models: z.array(z.object({ name: z.string(), version: z.string(), devices: z.int() })),
    storage: z.object({ state: z.enum(['ok', 'refusing']), why: z.string().nullable(), sizeBytes: z.int() }),
  })
  .meta({
    id: 'FleetSummary',
    examples: [
      {
        at: 1760000060600,
        devices: { total: 25, byState: { online: 24, offline: 1 } },
        connections: 24,
        rates: { records: 25, predictions: 0.4, messages: 25.4, deadLetters: 0 },
        totals: { records: 90000, duplicates: 0, deadLetters: 0, droppedOnDevices: 0 },
        predictionSources: { edge: 24 },
        models: [{ name: 'pump-anomaly', version: '1.0.0', devices: 25 }],
        storage: { state: 'ok', why: null, sizeBytes: 12582912 },
      },
    ],
  });
export type FleetSummary = z.infer<typeof fleetSummarySchema>;

/** "Needs attention": one row per reason, worst first. */
export const attentionSchema = z
  .object({
    reasons: z.array(
      z.object({
        code: z.string(),
        sentence: z.string(),
        severity: z.enum(['warning', 'error']),
        devices: z.int(),
        examples: z.array(deviceIdSchema).max(5),
        since: instantSchema,
        remedy: z.string().describe('What to do about it.'),
      }),
    ),
  })
  .meta({ id: 'Attention' });
export type Attention = z.infer<typeof attentionSchema>;
