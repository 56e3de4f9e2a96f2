/** A stream: which records, by what key, in which windows of event time, aggregated how, and kept for how long. */
import { z } from 'zod';
import { EXPRESSION_BOUNDS, expressionFault } from './expression.ts';

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const DAY_MS = 86_400_000;

export const streamNameSchema = z
  .string()
  .regex(NAME, 'a stream name is 1-63 characters of a-z, 0-9 and "-", not starting with "-"')
  .meta({ id: 'StreamName', examples: ['pump-minute'] });

export const streamExpressionSchema = z
  .string()
  .min(1)
  .max(EXPRESSION_BOUNDS.characters)
  .superRefine((text, context) => {
    const fault = expressionFault(text);
    if (fault !== null) context.addIssue({ code: 'custom', message: fault });
  })
  .meta({
    id: 'StreamExpression',
    description:
      'Named values of the record by their names (in backticks when they hold more than letters, digits, "_" and "."), ' +
      'facts about it with "$": $device, $clock, $lane; $source of a reading; $model, $version, $label, $confidence, ' +
      '$threshold, $source and $latencyMs of a prediction; $kind and $severity of an event. Operators || && == != < <= > >= + - * / % ! ?:, functions ' +
      'abs sqrt exp log floor ceil round min max clamp coalesce. What is missing is null, and so is what is computed from it.',
    examples: ['Current * Voltage', "$label == 'anomaly' && score > 0.8", '`Volume Flow RateRMS`'],
  });

export const streamSourceSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('readings'),
      source: z.string().min(1).max(64).optional().describe('Sensor source of the device; absent: every one.'),
    }),
    z.strictObject({
      kind: z.literal('predictions'),
      model: z.string().min(1).max(63).optional().describe('Absent: of whatever model.'),
    }),
    z.strictObject({ kind: z.literal('events') }),
  ])
  .meta({ id: 'StreamSourceSelection' });

const labelTermSchema = z.strictObject({
  label: z.string().min(1).max(64),
  value: z.string().max(256).optional().describe('Absent: the label is there, whatever its value.'),
});

export const streamKeySchema = z
  .discriminatedUnion('by', [
    z.strictObject({ by: z.literal('device') }),
    z
      .strictObject({ by: z.literal('label'), label: z.string().min(1).max(64) })
      .describe('The value of this label of the device, as it is when the record is processed.'),
    z
      .strictObject({
        by: z.literal('cohort'),
        cohorts: z
          .array(z.strictObject({ name: z.string().regex(NAME), where: z.array(labelTermSchema).min(1).max(8) }))
          .min(1)
          .max(64),
      })
      .describe('The first cohort whose every term the labels of the device match.'),
    z.strictObject({ by: z.literal('model') }).describe('Name of the model of a prediction.'),
    z.strictObject({ by: z.literal('prediction-label') }),
  ])
  .meta({ id: 'StreamKey' });
export type StreamKey = z.infer<typeof streamKeySchema>;

const spanMs = z
  .int()
  .min(1_000)
  .max(31 * DAY_MS);
/** Windows that one record of a hopping stream falls into, at most. */
const HOPS = 64;

export const streamWindowSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('tumbling'), sizeMs: spanMs }),
    z
      .strictObject({
        kind: z.literal('hopping'),
        sizeMs: spanMs,
        everyMs: spanMs.describe('Divides sizeMs, at most 64 times.'),
      })
      .refine(({ sizeMs, everyMs }) => sizeMs % everyMs === 0 && sizeMs / everyMs <= HOPS, {
        message: `everyMs must divide sizeMs, at most ${HOPS} times`,
        path: ['everyMs'],
      }),
    z
      .strictObject({ kind: z.literal('session'), gapMs: spanMs })
      .describe('Ends when its key is silent for gapMs of event time.'),
    z
      .strictObject({ kind: z.literal('count'), records: z.int().min(1).max(1_000_000) })
      .describe('Ends with its last record, in the order in which the server stored them.'),
  ])
  .meta({ id: 'StreamWindow' });
export type StreamWindow = z.infer<typeof streamWindowSchema>;

export const NUMERIC_AGGREGATES = ['sum', 'mean', 'min', 'max', 'std', 'first', 'last'] as const;

export const aggregateNameSchema = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/, 'an aggregate name is 1-64 characters of A-Z, a-z, 0-9 and "_.-"');
const aggregateName = aggregateNameSchema;
const value = streamExpressionSchema;

export const streamAggregateSchema = z
  .discriminatedUnion('aggregate', [
    z.strictObject({
      name: aggregateName,
      aggregate: z.literal('count'),
      value: value.optional().describe('Counts where it is not null; absent: every record.'),
    }),
    z.strictObject({ name: aggregateName, aggregate: z.enum(NUMERIC_AGGREGATES), value }),
    z
      .strictObject({ name: aggregateName, aggregate: z.literal('rate'), value: value.optional() })
      .describe('Change of the value per second from the first to the last; without a value, records per second.'),
    z
      .strictObject({ name: aggregateName, aggregate: z.literal('distinct'), value })
      .describe('Different values: exact below 1,000, then HyperLogLog with 0.8 % standard error.'),
    z
      .strictObject({
        name: aggregateName,
        aggregate: z.literal('quantiles'),
        value,
        shares: z.array(z.number().min(0).max(1)).min(1).max(16),
      })
      .describe('Within 1 % of the true value (DDSketch); one number per share, named p50, p99.9 …'),
    z
      .strictObject({ name: aggregateName, aggregate: z.literal('histogram'), value })
      .describe(
        'Records by value, for at most 64 different ones in the order of their coming; the rest is counted as "(other)".',
      ),
  ])
  .meta({ id: 'StreamAggregate' });
export type StreamAggregate = z.infer<typeof streamAggregateSchema>;

const days = (fallback: number) => z.int().min(1).max(3_660).default(fallback);

export const streamDefinitionSchema = z
  .strictObject({
    name: streamNameSchema,
    description: z.string().max(500).default(''),
    source: streamSourceSchema,
    where: streamExpressionSchema.optional().describe('Only records for which this is true.'),
    key: streamKeySchema,
    window: streamWindowSchema,
    aggregates: z.array(streamAggregateSchema).min(1).max(32),
    allowedLatenessMs: z
      .int()
      .min(0)
      .max(7 * DAY_MS)
      .default(30_000)
      .describe(
        'How far event time runs on before a window is published first. Later data is merged and published again.',
      ),
    idleTimeoutMs: z
      .int()
      .min(1_000)
      .max(7 * DAY_MS)
      .default(60_000)
      .describe('A device that sent nothing live for so long holds no window back.'),
    retentionDays: z
      .strictObject({ window: days(7), hour: days(90), day: days(730) })
      .prefault({})
      .describe(
        'Of windows, and of what tumbling windows are rolled up to; later data enters the next level that is kept.',
      ),
    startFrom: z
      .enum(['history', 'now'])
      .default('history')
      .describe('history: filled from the records that are stored.'),
    publish: z
      .enum(['none', 'mqtt'])
      .default('none')
      .describe('mqtt: windows go out on their topic, the newest retained.'),
  })
  .refine(({ aggregates }) => new Set(aggregates.map(({ name }) => name)).size === aggregates.length, {
    message: 'aggregate names must be distinct',
    path: ['aggregates'],
  })
  .refine(({ key, source }) => source.kind === 'predictions' || (key.by !== 'model' && key.by !== 'prediction-label'), {
    message: 'only predictions have a model and a label',
    path: ['key', 'by'],
  })
  .meta({
    id: 'StreamDefinition',
    examples: [
      {
        name: 'pump-minute',
        source: { kind: 'readings' },
        where: 'Current > 0',
        key: { by: 'device' },
        window: { kind: 'tumbling', sizeMs: 60_000 },
        aggregates: [
          { name: 'records', aggregate: 'count' },
          { name: 'load', aggregate: 'mean', value: 'Current * Voltage' },
          { name: 'pressure', aggregate: 'quantiles', value: 'Pressure', shares: [0.5, 0.99] },
        ],
        publish: 'mqtt',
      },
    ],
  });
export type StreamDefinition = z.infer<typeof streamDefinitionSchema>;
