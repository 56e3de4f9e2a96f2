/** Advice: which of the four deployment patterns fits a need, with the reason for each answer and what was measured here. */
import { z } from 'zod';
import { instantSchema } from '../identifiers.ts';

export const DEPLOYMENT_PATTERNS = ['edge', 'real-time', 'streaming', 'batch'] as const;
export const deploymentPatternSchema = z.enum(DEPLOYMENT_PATTERNS).meta({ id: 'DeploymentPattern' });
export type DeploymentPattern = z.infer<typeof deploymentPatternSchema>;

const yesOrNo = z.stringbool({ truthy: ['true', 'yes', '1'], falsy: ['false', 'no', '0'] });

/** The need. What is left out is taken as the milder answer: no stream, a second, always online. */
export const adviceQuerySchema = z.object({
  stream: yesOrNo
    .default(false)
    .describe('true: data flows without end and the answer is about the flow, not about one request.'),
  latencyMs: z.coerce
    .number()
    .int()
    .min(1)
    .max(2_592_000_000)
    .default(1_000)
    .describe('How soon an answer must be there, in milliseconds.'),
  offline: yesOrNo.default(false).describe('true: answers are needed while there is no network.'),
  model: z.string().min(1).max(63).optional().describe('Only what was measured of this model counts.'),
  hardwareClass: z.string().min(1).max(64).optional().describe('Only what was measured on such devices counts.'),
});
export type AdviceQuery = z.infer<typeof adviceQuerySchema>;

const spreadSchema = z.object({ p50: z.number(), p95: z.number(), samples: z.int().min(1) });

/** Milliseconds, as devices reported them since `since`; empty where nothing was measured. */
export const measuredProfileSchema = z
  .object({
    since: instantSchema,
    inference: z
      .array(
        z.object({
          model: z.string(),
          version: z.string(),
          hardwareClass: z.string(),
          ranAt: z.enum(['edge', 'cloud']),
          latencyMs: spreadSchema,
        }),
      )
      .describe('Per model version, hardware class and place; most samples first.'),
    link: z
      .array(z.object({ hardwareClass: z.string(), roundTripMs: spreadSchema }))
      .describe('Round trips between devices and this server, one sample per device that reports one.'),
  })
  .meta({ id: 'MeasuredProfile' });
export type MeasuredProfile = z.infer<typeof measuredProfileSchema>;

export const adviceSchema = z
  .object({
    pattern: deploymentPatternSchema,
    reasons: z
      .array(z.object({ question: z.string(), answer: z.string(), because: z.string() }))
      .describe('The way through the decision tree, then what the measurements changed or confirmed.'),
    patterns: z
      .array(
        z.object({
          pattern: deploymentPatternSchema,
          fits: z.boolean(),
          because: z.string(),
          expectedP95Ms: z.number().nullable().describe('From the measurements; null where nothing was measured.'),
        }),
      )
      .length(DEPLOYMENT_PATTERNS.length),
    measured: measuredProfileSchema,
    deployment: z.object({
      description: z.string(),
      served: z.boolean().describe('false: this version of the server does not offer the pattern yet.'),
      commands: z.array(z.string()).describe('Ready to paste.'),
    }),
  })
  .meta({ id: 'Advice' });
export type Advice = z.infer<typeof adviceSchema>;
