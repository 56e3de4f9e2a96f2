/** Feature views over entities as they are defined on the wire: what is known of a pump, a customer, a site, and how long it holds. */
import { z } from 'zod';
import { aggregateNameSchema, streamNameSchema } from '../streams/stream-definition.ts';

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

export const viewNameSchema = z
  .string()
  .regex(NAME, 'a view name is 1-63 characters of a-z, 0-9 and "-", not starting with "-"')
  .meta({ id: 'FeatureViewName', examples: ['pump-recent'] });

const ENTITY_ID = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/;

/** Any id of the outside world; device ids are among them. */
export const entityIdSchema = z
  .string()
  .regex(ENTITY_ID, 'an entity id is 1-128 characters of A-Z, a-z, 0-9 and "._@+-"')
  .meta({ id: 'EntityId', examples: ['pump-07'] });

/** What the schema says, for whoever asks with every request and needs no reason. */
export const isEntityId = (value: unknown): value is string => typeof value === 'string' && ENTITY_ID.test(value);

export const featureNameSchema = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/, 'a feature name is 1-64 characters of A-Z, a-z, 0-9 and "_.-"')
  .meta({ id: 'FeatureName' });

export const WINDOW_AGGREGATES = ['last', 'mean', 'min', 'max', 'sum', 'count', 'std'] as const;
export const windowAggregateSchema = z.enum(WINDOW_AGGREGATES).meta({ id: 'WindowAggregate' });
export type WindowAggregate = z.infer<typeof windowAggregateSchema>;

const DAY_MS = 86_400_000;

const window = {
  aggregate: windowAggregateSchema.describe('std is the population standard deviation.'),
  windowMs: z
    .int()
    .min(1_000)
    .max(30 * DAY_MS)
    .describe('Event time the window reaches back from the instant of the read.'),
  panes: z
    .int()
    .min(1)
    .max(96)
    .default(12)
    .describe('Panes the window is kept in; its length is exact to one pane. Divides windowMs.'),
};
const dividesEvenly = ({ windowMs, panes }: { windowMs: number; panes: number }): boolean => windowMs % panes === 0;
const PANES_RULE = { message: 'panes must divide windowMs', path: ['panes'] };

export const featureSourceSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('pushed') }).describe('Comes from outside: PUT, or an import.'),
    z
      .strictObject({ kind: z.literal('readings'), channel: z.string().min(1).max(64), ...window })
      .refine(dividesEvenly, PANES_RULE),
    z
      .strictObject({
        kind: z.literal('predictions'),
        model: z.string().min(1).max(63).optional().describe('Absent: of whatever model.'),
        output: z.string().min(1).max(64),
        ...window,
      })
      .refine(dividesEvenly, PANES_RULE),
    z
      .strictObject({
        kind: z.literal('windows'),
        stream: streamNameSchema,
        aggregate: aggregateNameSchema.describe('Name of one of the aggregates of the stream.'),
        part: z
          .string()
          .min(1)
          .max(256)
          .optional()
          .describe('Of an aggregate that is several numbers: the share (p99) or the label.'),
      })
      .describe(
        'Published windows of a stream: true at the end of the window, known since that revision was published. The key of ' +
          'the stream says the entity: of a device `device`, of a label the name of the label, else `cohort` or `model`.',
      ),
  ])
  .meta({ id: 'FeatureSource' });
export type FeatureSource = z.infer<typeof featureSourceSchema>;
/** Computed by the feature store from single records. */
export type StreamSource = Extract<FeatureSource, { kind: 'readings' | 'predictions' }>;
/** Computed by a stream. */
export type WindowSource = Extract<FeatureSource, { kind: 'windows' }>;

/** What a value is; in a vector `boolean` is 0 or 1, and `category` the position in `categories`. */
const datatype = {
  datatype: z.enum(['number', 'boolean', 'category']).default('number'),
  categories: z.array(z.string().min(1).max(64)).min(1).max(1_000).optional(),
};

export const featureValueSchema = z.union([z.number(), z.boolean(), z.string().max(64)]).meta({ id: 'FeatureValue' });
export type FeatureValue = z.infer<typeof featureValueSchema>;

export const entityFeatureSchema = z
  .strictObject({
    name: featureNameSchema,
    ...datatype,
    source: featureSourceSchema,
    maxAgeMs: z
      .int()
      .min(1)
      .max(3_660 * DAY_MS)
      .optional()
      .describe('Enforced on every read: an older value is OUTSIDE_MAX_AGE. Absent: as the view says.'),
    missing: z
      .enum(['fail', 'default', 'last-known', 'null'])
      .default('null')
      .describe('What the vector gets when there is no PRESENT value.'),
    default: featureValueSchema.optional().describe('For the policy default.'),
  })
  .refine(({ datatype: type, source }) => type === 'number' || source.kind === 'pushed', {
    message: 'what is computed is a number',
    path: ['datatype'],
  })
  .refine(({ datatype: type, categories }) => (type === 'category') === (categories !== undefined), {
    message: 'categories belong to the datatype category, and only there',
    path: ['categories'],
  })
  .refine(({ categories }) => categories === undefined || new Set(categories).size === categories.length, {
    message: 'categories must be distinct',
    path: ['categories'],
  })
  .refine(({ missing, default: value }) => (missing === 'default') === (value !== undefined), {
    message: 'a default belongs to the policy default, and only there',
    path: ['default'],
  })
  .refine((feature) => feature.default === undefined || fits(feature, feature.default), {
    message: 'the default is no value of the datatype',
    path: ['default'],
  })
  .meta({ id: 'EntityFeature' });

interface Typed {
  readonly datatype: 'number' | 'boolean' | 'category';
  readonly categories?: readonly string[] | undefined;
}

const fits = (feature: Typed, value: FeatureValue): boolean => {
  if (feature.datatype === 'number') return typeof value === 'number';
  if (feature.datatype === 'boolean') return typeof value === 'boolean';
  return typeof value === 'string' && (feature.categories ?? []).includes(value);
};

const isOfDevices = ({ kind }: FeatureSource): boolean => kind === 'readings' || kind === 'predictions';

export const entityViewSchema = z
  .strictObject({
    name: viewNameSchema,
    entity: z.string().regex(NAME).describe('The type of thing: device, customer, site, machine …'),
    description: z.string().max(500).default(''),
    maxAgeMs: z
      .int()
      .min(1)
      .max(3_660 * DAY_MS)
      .describe('For every feature that names none.'),
    features: z.array(entityFeatureSchema).min(1).max(256).describe('In the order of the vector.'),
  })
  .refine(({ features }) => new Set(features.map(({ name }) => name)).size === features.length, {
    message: 'feature names must be distinct',
    path: ['features'],
  })
  .refine(({ entity, features }) => entity === 'device' || features.every(({ source }) => !isOfDevices(source)), {
    message: 'readings and predictions belong to devices: entity must be device',
    path: ['entity'],
  })
  .meta({
    id: 'EntityView',
    examples: [
      {
        name: 'customer-profile',
        entity: 'customer',
        description: 'What sales knows.',
        maxAgeMs: 86_400_000,
        features: [
          { name: 'orders_30d', datatype: 'number', source: { kind: 'pushed' }, missing: 'default', default: 0 },
          { name: 'is_partner', datatype: 'boolean', source: { kind: 'pushed' }, missing: 'null' },
        ],
      },
    ],
  });
export type EntityView = z.infer<typeof entityViewSchema>;
export type EntityFeature = z.infer<typeof entityFeatureSchema>;

/** As Feast names them. NULL_VALUE: somebody said that there is none. NOT_FOUND: nobody ever said anything. */
export const FEATURE_STATUSES = ['PRESENT', 'NULL_VALUE', 'NOT_FOUND', 'OUTSIDE_MAX_AGE'] as const;
export const featureStatusSchema = z.enum(FEATURE_STATUSES).meta({ id: 'FeatureStatus' });
export type FeatureStatus = z.infer<typeof featureStatusSchema>;
