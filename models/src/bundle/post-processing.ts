/** What a model's outputs mean: a score, classes, or nothing; and how a device finds its own threshold. */
import { z } from 'zod';

const thresholdSchema = z.strictObject({
  default: z.number(),
  description: z.string().max(500).default(''),
});

const toleranceSchema = z
  .strictObject({
    /** In the unit of the feature. */
    absolute: z.number().min(0),
    /** Of the device's own normal value. */
    relative: z.number().min(0),
  })
  .refine(({ absolute, relative }) => absolute + relative > 0, 'a tolerance of nothing');

/**
 * `none`: thresholds hold as they are. `device-quantile`: a device sets its own from its first scores. `device-normal`: a
 * device learns where its features lie, the model is fed their deviations in tolerances, and the threshold is at least the
 * bundle's and at least `factor` times the quantile of the device's own scores.
 */
const calibrationSchema = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('none') }),
  z.strictObject({
    method: z.literal('device-quantile'),
    /** Windows a device must have scored before it may calibrate. */
    minimumWindows: z.int().min(1),
    quantile: z.number().min(0).max(1),
    /** Threshold = factor times that quantile of the scores. */
    factor: z.number().positive(),
  }),
  z.strictObject({
    method: z.literal('device-normal'),
    /** Only windows that lie within the first so many samples of the source are learnt from. */
    samples: z.int().min(1).max(1_000_000),
    /** Collecting goes on beyond `samples` until there are so many. */
    minimumWindows: z.int().min(1).max(1_000),
    /** By feature name: what counts as a change. */
    tolerances: z.record(z.string().min(1), toleranceSchema),
    /** Deviations are held within ± this many tolerances. */
    clip: z.number().positive(),
    quantile: z.number().min(0).max(1),
    factor: z.number().positive(),
    /** A device whose own threshold would exceed this many times the bundle's was not steady. */
    steadyFactor: z.number().min(1),
  }),
]);
export type CalibrationRule = z.infer<typeof calibrationSchema>;

/** One score per row, held against a threshold. */
const scorePostProcessingSchema = z.strictObject({
  kind: z.literal('score'),
  /** Output that holds one score per row. */
  scoreOutput: z.string().min(1),
  /** Threshold that the score is held against. */
  decisionThreshold: z.string().min(1),
  /** Names of the verdict: not above the threshold, above it. */
  labels: z.tuple([z.string().min(1), z.string().min(1)]),
  thresholds: z.record(z.string().min(1).max(64), thresholdSchema),
  calibration: calibrationSchema,
});

/** One probability per class and row; the most probable class is the label. */
const classesPostProcessingSchema = z.strictObject({
  kind: z.literal('classes'),
  /** Output [-1, labels] that holds the probabilities of a row, in the order of `labels`. */
  probabilitiesOutput: z.string().min(1),
  labels: z.array(z.string().min(1).max(64)).min(2).max(1_000),
  /** Labels that are no cause for alarm. */
  quietLabels: z.array(z.string().min(1).max(64)).max(1_000),
  /** Probability above which a label that is not quiet counts as exceeded. */
  decisionThreshold: z.string().min(1),
  thresholds: z.record(z.string().min(1).max(64), thresholdSchema),
});

export const postProcessingSchema = z.discriminatedUnion('kind', [
  scorePostProcessingSchema,
  classesPostProcessingSchema,
  /** The outputs are the answer: nothing is judged. */
  z.strictObject({ kind: z.literal('none') }),
]);
export type PostProcessing = z.infer<typeof postProcessingSchema>;
