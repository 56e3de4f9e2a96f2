/** How unsure a model on a device may be before it asks the fleet, as a device is configured and as a fleet may desire it. */
import { z } from 'zod';

const share = z.number().min(0).max(1).nullable().optional();

/** Each of them alone is a reason to ask; null switches one off. */
export const escalationPolicySchema = z.object({
  minProbability: share.describe('Ask below this probability of the most probable class.'),
  minMargin: share.describe('Ask below this distance between the two most probable classes.'),
  maxEntropy: share.describe('Ask above this entropy, 1 being that of classes that are all equally probable.'),
  nearThreshold: z
    .number()
    .min(0)
    .max(100)
    .nullable()
    .optional()
    .describe('Ask where |score - threshold| is less than this share of the threshold.'),
  maxOutside: share.describe("Ask where more than this share of the features lies outside the bundle's reference."),
  auditShare: share.describe('Ask for this share of all windows whatever the answer, to measure how good it is.'),
});
export type EscalationPolicy = z.infer<typeof escalationPolicySchema>;

export const desiredFallbackSchema = z
  .looseObject({
    enabled: z.boolean().optional(),
    budgetMs: z.int().min(10).max(600_000).optional().describe('For one window, from its turn to its answer [ms].'),
    policy: escalationPolicySchema.optional(),
  })
  .meta({ id: 'DesiredFallback', examples: [{ budgetMs: 500, policy: { nearThreshold: 0.4 } }] });
export type DesiredFallback = z.infer<typeof desiredFallbackSchema>;
