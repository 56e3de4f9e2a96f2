/** The section `fallback` of the configuration: when a model of this device asks the fleet, and what it may cost. */
import { escalationPolicySchema } from '@shoal/protocol/wire';
import { z } from 'zod';

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);

export const fallbackSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('false: no model asks, whatever its bundle says'),
  siblings: z
    .record(
      name,
      z.strictObject({
        model: name.describe('of the fleet, fed with the vectors of this one and answering in its unit'),
        vectors: z.int().min(1).max(256).default(1).describe('last vectors of this device in one question'),
      }),
    )
    .default({})
    .describe('model here to model of the fleet; models named here ask, and those whose bundle says so'),
  budgetMs: z
    .int()
    .min(10)
    .max(600_000)
    .default(1_000)
    .describe('for one window, from when it is whole to its answer [ms]'),
  policy: z
    .strictObject(escalationPolicySchema.shape)
    .default({ minProbability: 0.6, nearThreshold: 0.25, auditShare: 0.005 }),
  requestsPerMinute: z.number().positive().max(60_000).default(60).describe('of all models together, on average'),
  burst: z.int().min(1).max(10_000).default(20).describe('requests at once'),
  recentMaxAgeMs: z.int().min(0).max(86_400_000).default(60_000).describe('event time an answer may stand in for [ms]'),
  nightlyMaxAgeMs: z.int().min(0).max(604_800_000).default(129_600_000).describe('age of a score of the night [ms]'),
  hardExamples: z.int().min(0).max(10_000).default(200).describe('kept on disk'),
});
export type FallbackConfig = z.infer<typeof fallbackSchema>;
