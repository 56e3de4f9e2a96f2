/** A prediction: what a model said about one window, with where and why it ran there. */
import { z } from 'zod';
import { instantSchema, sequenceSchema } from '../identifiers.ts';
import { namedValues } from './named-values.ts';

/** Where the answer came from: the ladder of the device's fallback, top first. */
export const predictionSourceSchema = z
  .enum(['edge', 'cloud', 'recent', 'nightly', 'abstained'])
  .meta({ id: 'PredictionSource' });
export type PredictionSource = z.infer<typeof predictionSourceSchema>;

export const modelReferenceSchema = z
  .object({
    name: z.string().min(1).max(63),
    version: z.string().min(1).max(63),
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe("sha256 of the bundle's manifest, hex."),
  })
  .meta({ id: 'ModelReference' });
export type ModelReference = z.infer<typeof modelReferenceSchema>;

export const predictionSchema = z
  .object({
    sequence: sequenceSchema,
    observedAt: instantSchema.describe("The end of the window the prediction is about, by the device's clock."),
    model: modelReferenceSchema,
    window: z
      .object({ startAt: instantSchema, endAt: instantSchema, count: z.int().min(0) })
      .describe('Half-open [startAt, endAt) in event time; count readings fell into it.'),
    outputs: namedValues(z.number()).describe('Named scalar outputs, score by convention for anomaly models.'),
    label: z.string().min(1).max(64).optional(),
    confidence: z.number().min(0).max(1).optional().describe('0..1 where the model gives one.'),
    threshold: z.number().optional(),
    source: predictionSourceSchema,
    escalation: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe('Why the device asked the fleet for this window, whoever answered in the end.'),
    engine: z.string().max(32).optional().describe('Engine kind that ran it, for example native-child.'),
    latencyMs: z.number().min(0).optional().describe('Wall time of the inference in milliseconds, without queueing.'),
    degradedReason: z
      .string()
      .max(256)
      .optional()
      .describe('Present when the answer is not what the model would give in good health.'),
  })
  .meta({
    id: 'Prediction',
    examples: [
      {
        sequence: 18,
        observedAt: 1760000060000,
        model: { name: 'pump-anomaly', version: '1.0.0' },
        window: { startAt: 1760000000000, endAt: 1760000060000, count: 60 },
        outputs: { score: 0.42 },
        label: 'normal',
        threshold: 1,
        source: 'edge',
        engine: 'native-child',
        latencyMs: 0.4,
      },
    ],
  });
export type Prediction = z.infer<typeof predictionSchema>;
