/** Features over HTTP: views, values of entities as of an instant, imports, and the audit of what was served. */
import { z } from 'zod';
import {
  entityIdSchema,
  entityViewSchema,
  featureNameSchema,
  featureStatusSchema,
  featureValueSchema,
  viewNameSchema,
} from '../features/entity-view.ts';
import { instantSchema, requestIdSchema } from '../identifiers.ts';
import { streamNameSchema } from '../streams/stream-definition.ts';
import { pageOf, pageQuerySchema } from './page.ts';

const hashSchema = z.string().regex(/^[0-9a-f]{64}$/);

export const featureViewDocumentSchema = z
  .object({
    name: viewNameSchema,
    view: entityViewSchema,
    hash: hashSchema.describe('sha256 over the canonical JSON of the view; what a bundle pins.'),
    revision: z.int().min(1).describe('Also the ETag.'),
    updatedAt: instantSchema,
  })
  .meta({ id: 'FeatureViewDocument' });
export type FeatureViewDocument = z.infer<typeof featureViewDocumentSchema>;
export const featureViewPageSchema = pageOf(featureViewDocumentSchema).meta({ id: 'FeatureViewPage' });

export const featureWindowSourceSchema = z
  .object({
    feature: featureNameSchema,
    stream: streamNameSchema,
    aggregate: z.string(),
    part: z.string().nullable(),
    state: z
      .enum(['following', 'filling', 'unfed'])
      .describe(
        'filling: windows that were there before are still missing. unfed: the stream does not run, or no longer fits; the ' +
          'feature keeps its last value until that is too old.',
      ),
    detail: z.string().nullable().describe('Why it is unfed.'),
    behind: z.int().min(0).describe('Publications of windows, of whatever stream, that were not looked at yet.'),
  })
  .meta({ id: 'FeatureWindowSource' });
export type FeatureWindowSource = z.infer<typeof featureWindowSourceSchema>;
export const featureWindowSourcePageSchema = pageOf(featureWindowSourceSchema).meta({ id: 'FeatureWindowSourcePage' });

const nullableValue = featureValueSchema.nullable();

export const servedFeatureSchema = z
  .object({
    name: featureNameSchema,
    value: nullableValue.describe('What is stored, also when it is too old; null when there is none.'),
    status: featureStatusSchema,
    eventAt: instantSchema.nullable().describe('When it was true.'),
    used: nullableValue.describe('What the vector gets after the policy for what is missing.'),
  })
  .meta({ id: 'ServedFeature' });
export type ServedFeature = z.infer<typeof servedFeatureSchema>;

export const entityFeaturesSchema = z
  .object({
    view: viewNameSchema,
    hash: hashSchema,
    entity: entityIdSchema,
    asOf: instantSchema,
    features: z.array(servedFeatureSchema).describe("In the view's order."),
    vector: z.array(z.number().nullable()).nullable().describe('null when a feature of the policy fail is missing.'),
    stale: z.array(featureNameSchema).describe('OUTSIDE_MAX_AGE.'),
    missing: z.array(featureNameSchema).describe('NULL_VALUE or NOT_FOUND.'),
    failed: z.array(featureNameSchema).describe('Of the policy fail, and not PRESENT.'),
  })
  .meta({ id: 'EntityFeatures' });
export type EntityFeatures = z.infer<typeof entityFeaturesSchema>;

export const featureReadQuerySchema = z.object({
  asOf: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe('Milliseconds: only what had happened and was known by then. Absent: now.'),
});

/** Names that are absent keep what they have; null says that there is no value. */
export const featurePutSchema = z
  .strictObject({
    values: z.record(featureNameSchema, nullableValue).refine((values) => Object.keys(values).length > 0, 'empty'),
    eventAt: instantSchema.optional().describe("When this was true. Absent, or ahead by clock skew: the server's now."),
  })
  .meta({ id: 'FeaturePut', examples: [{ values: { orders_30d: 3, is_partner: true }, eventAt: 1760000000123 }] });
export type FeaturePut = z.infer<typeof featurePutSchema>;

export const featureBulkReadSchema = z
  .strictObject({
    entities: z.array(entityIdSchema).min(1).max(1_000),
    features: z.array(featureNameSchema).min(1).max(256).optional().describe('Absent: all of the view.'),
    asOf: instantSchema.optional(),
  })
  .meta({ id: 'FeatureBulkRead', examples: [{ entities: ['customer-1', 'customer-2'], features: ['orders_30d'] }] });
export type FeatureBulkRead = z.infer<typeof featureBulkReadSchema>;

/** Columns, as Feast's feature server answers: `results[i].values[j]` is feature i of entity j. */
export const featureColumnsSchema = z
  .object({
    hash: hashSchema,
    asOf: instantSchema,
    featureNames: z.array(featureNameSchema),
    entities: z.array(entityIdSchema),
    results: z.array(
      z.object({
        values: z.array(nullableValue).describe('After the policy for what is missing.'),
        statuses: z.array(featureStatusSchema),
        eventTimestamps: z.array(instantSchema.nullable()),
      }),
    ),
  })
  .meta({ id: 'FeatureColumns' });
export type FeatureColumns = z.infer<typeof featureColumnsSchema>;

export const featureHistoryQuerySchema = pageQuerySchema.extend({
  feature: featureNameSchema.optional(),
  from: z.coerce.number().int().min(0).optional().describe('Event time not before this, in milliseconds.'),
  to: z.coerce.number().int().min(0).optional().describe('Event time before this, in milliseconds.'),
});
export const featureHistoryEntrySchema = z
  .object({
    feature: featureNameSchema,
    eventAt: instantSchema.describe(
      'When it was true; for a window that is kept in panes the start of the pane, for one of a stream its end.',
    ),
    createdAt: instantSchema.describe(
      'When the server knew it; for a window of a stream, when that revision was published.',
    ),
    value: nullableValue.describe('For a window that is kept in panes, the aggregate of this pane alone.'),
    count: z.int().min(0).nullable().describe('Records in the pane; null for what has none.'),
  })
  .meta({ id: 'FeatureHistoryEntry' });
export type FeatureHistoryEntry = z.infer<typeof featureHistoryEntrySchema>;
export const featureHistoryPageSchema = pageOf(featureHistoryEntrySchema).meta({ id: 'FeatureHistoryPage' });

export const featureImportSchema = z
  .object({
    importId: requestIdSchema,
    view: viewNameSchema,
    state: z
      .enum(['running', 'completed', 'interrupted'])
      .describe(
        'interrupted: what is counted is stored, the rest is not; sending the file again stores nothing twice.',
      ),
    startedAt: instantSchema,
    finishedAt: instantSchema.nullable(),
    rows: z.int().min(0),
    stored: z.int().min(0).describe('Rows that said something new.'),
    unchanged: z.int().min(0).describe('Rows that say what was known.'),
    rejected: z.int().min(0),
    reasons: z.record(z.string(), z.int()).describe('Rejected rows by code.'),
  })
  .meta({ id: 'FeatureImport' });
export type FeatureImport = z.infer<typeof featureImportSchema>;
export const featureImportPageSchema = pageOf(featureImportSchema).meta({ id: 'FeatureImportPage' });

export const rejectedRowSchema = z
  .object({
    line: z.int().min(1).describe('Line of the file where the row ends, the header is 1.'),
    reason: z.string().describe('A code of the error catalogue.'),
    detail: z.string(),
    sample: z.string().describe('The row, shortened.'),
  })
  .meta({ id: 'RejectedRow' });
export type RejectedRow = z.infer<typeof rejectedRowSchema>;
export const rejectedRowPageSchema = pageOf(rejectedRowSchema).meta({ id: 'RejectedRowPage' });

export const skewAuditSchema = z
  .object({
    id: z.int(),
    view: viewNameSchema,
    hash: hashSchema,
    entity: entityIdSchema,
    servedAt: instantSchema,
    auditedAt: instantSchema,
    result: z
      .enum(['match', 'behind', 'mismatch'])
      .describe(
        'behind: something was known by then and not applied yet. mismatch: history does not give what was served.',
      ),
    differing: z.array(featureNameSchema),
    served: z.array(z.number().nullable()),
    derived: z.array(z.number().nullable()),
  })
  .meta({ id: 'SkewAudit' });
export type SkewAudit = z.infer<typeof skewAuditSchema>;
export const skewAuditQuerySchema = pageQuerySchema.extend({
  result: skewAuditSchema.shape.result.optional(),
  view: viewNameSchema.optional(),
});
export const skewAuditPageSchema = pageOf(skewAuditSchema).meta({ id: 'SkewAuditPage' });
