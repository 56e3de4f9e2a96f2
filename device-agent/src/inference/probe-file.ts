/** What engines were found to do with which model, kept over restarts: an engine that crashed is not tried first again. */
import { z } from 'zod';
import { engineKindSchema, type ProbeRecord } from '@shoal/models';

const probeSchema = z.object({
  digest: z.string(),
  engine: engineKindSchema,
  agentVersion: z.string(),
  outcome: z.enum(['passed', 'refused', 'crashed']),
  code: z.string().nullable(),
  message: z.string(),
});

export const probesSchema = z.array(probeSchema) as z.ZodType<ProbeRecord[]>;
