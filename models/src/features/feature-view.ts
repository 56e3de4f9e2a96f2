/** The declarative definition of features over a window of several channels; shared by device, server and batch. */
import { z } from 'zod';

const channelSchema = z.string().min(1).max(64);
const channelsSchema = z.array(channelSchema).min(1).max(64).optional();
const finite = z.number();

/** Values in the unit of the channel; `zero` and `constant` fill a cell that no sample reaches. */
const missingSchema = z.discriminatedUnion('policy', [
  z.strictObject({ policy: z.literal('fail') }),
  z.strictObject({ policy: z.literal('zero') }),
  z.strictObject({ policy: z.literal('constant'), values: z.record(channelSchema, finite) }),
]);

const resampleSchema = z.strictObject({
  op: z.literal('resample'),
  /** Hz; the grid starts at the start of the window. */
  rateHz: z.number().positive().max(100_000),
  method: z.enum(['linear', 'previous']),
  /** Milliseconds. A grid point between samples further apart than this (linear), or further than this from the sample it would take, is missing. */
  maxGapMs: z.number().positive(),
  missing: missingSchema,
});

const scaleSchema = z.discriminatedUnion('method', [
  z.strictObject({
    op: z.literal('scale'),
    method: z.literal('z-score'),
    constants: z.record(channelSchema, z.strictObject({ mean: finite, std: z.number().positive() })),
  }),
  z.strictObject({
    op: z.literal('scale'),
    method: z.literal('min-max'),
    constants: z.record(
      channelSchema,
      z.strictObject({ min: finite, max: finite }).refine(({ min, max }) => max > min, 'max must be above min'),
    ),
  }),
  z.strictObject({
    op: z.literal('scale'),
    method: z.literal('robust'),
    constants: z.record(channelSchema, z.strictObject({ median: finite, iqr: z.number().positive() })),
  }),
]);

const clipSchema = z
  .strictObject({ op: z.literal('clip'), channels: channelsSchema, min: finite, max: finite })
  .refine(({ min, max }) => max >= min, 'max must not be below min');

/** x[i + lag] - x[i]; the series becomes shorter by `lag`. */
const differenceSchema = z.strictObject({
  op: z.literal('difference'),
  channels: channelsSchema,
  lag: z.int().min(1).max(10_000).default(1),
});

export const STATISTICS = ['mean', 'std', 'min', 'max', 'rms', 'peak-to-peak', 'skew', 'kurtosis', 'slope'] as const;
export type Statistic = (typeof STATISTICS)[number];

const statisticsSchema = z.strictObject({
  op: z.literal('statistics'),
  channels: channelsSchema,
  of: z.array(z.enum(STATISTICS)).max(STATISTICS.length).default([]),
  /** Linear interpolation between order statistics, 0 to 1. */
  quantiles: z.array(z.number().min(0).max(1)).max(16).default([]),
});

const spectralSchema = z.strictObject({
  op: z.literal('spectral'),
  channels: channelsSchema,
  /** Half-open bands [low, high) in Hz. */
  bandsHz: z
    .array(z.tuple([z.number().min(0), z.number().positive()]))
    .max(32)
    .default([]),
  of: z
    .array(z.enum(['centroid', 'dominant-frequency']))
    .max(2)
    .default([]),
});

const flattenSchema = z.strictObject({ op: z.literal('flatten'), channels: channelsSchema });

const seriesStepSchema = z.union([scaleSchema, clipSchema, differenceSchema]);
const featureStepSchema = z.discriminatedUnion('op', [statisticsSchema, spectralSchema, flattenSchema]);

const stepChannels = (step: SeriesStep | FeatureStep): readonly string[] =>
  step.op === 'scale' ? Object.keys(step.constants) : (step.channels ?? []);

const strangers = (view: FeatureViewShape): readonly string[] => {
  const { missing } = view.resample;
  const filled = missing.policy === 'constant' ? Object.keys(missing.values) : [];
  const named = [...view.series, ...view.features].flatMap(stepChannels);
  return [...filled, ...named].filter((channel) => !view.channels.includes(channel));
};

const shapeSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  /** Raised with every change; the hash over the whole definition is what counts. */
  revision: z.int().min(1),
  channels: z
    .array(channelSchema)
    .min(1)
    .max(64)
    .refine((channels) => new Set(channels).size === channels.length, 'channels must be distinct'),
  /** First of all: irregular samples to one grid per channel. */
  resample: resampleSchema,
  /** Then, in order, series to series. */
  series: z.array(seriesStepSchema).max(16),
  /** At last each step reduces the series to features; the vector is their concatenation in this order. */
  features: z.array(featureStepSchema).min(1).max(16),
});

/** A step without `channels` applies to all of the view, in their order. */
export const featureViewSchema = shapeSchema
  .refine((view) => strangers(view).length === 0, 'every channel in a step must be a channel of the view')
  .meta({ id: 'FeatureView' });

type FeatureViewShape = z.infer<typeof shapeSchema>;
export type FeatureView = z.infer<typeof featureViewSchema>;
export type ResampleStep = z.infer<typeof resampleSchema>;
export type ScaleStep = z.infer<typeof scaleSchema>;
export type SeriesStep = z.infer<typeof seriesStepSchema>;
export type FeatureStep = z.infer<typeof featureStepSchema>;
export type StatisticsStep = z.infer<typeof statisticsSchema>;
export type SpectralStep = z.infer<typeof spectralSchema>;
