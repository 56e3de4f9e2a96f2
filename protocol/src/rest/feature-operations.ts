/** Routes of features. */
import { z } from 'zod';
import { entityIdSchema, entityViewSchema, viewNameSchema } from '../features/entity-view.ts';
import { requestIdSchema } from '../identifiers.ts';
import * as features from './features.ts';
import {
  bodyProblems,
  created,
  idempotencyHeader,
  ifMatchHeader,
  json,
  list,
  nothing,
  problems,
  tagged,
  type Operation,
} from './operation.ts';
import { pageQuerySchema } from './page.ts';

const viewParams = z.object({ view: viewNameSchema });
const entityParams = z.object({ view: viewNameSchema, entity: entityIdSchema });
const importParams = z.object({ importId: requestIdSchema });

export const FEATURE_OPERATIONS: readonly Operation[] = [
  {
    id: 'listFeatureViews',
    method: 'get',
    path: '/api/feature-views',
    tag: 'features',
    summary: 'List feature views by name',
    query: pageQuerySchema,
    responses: {
      200: list('Views.', features.featureViewPageSchema, features.featureViewDocumentSchema),
      ...problems(),
    },
  },
  {
    id: 'createFeatureView',
    method: 'post',
    path: '/api/feature-views',
    tag: 'features',
    summary: 'Define a feature view',
    description:
      'Windows over readings and predictions are filled from the stored log, as far back as raw records are kept; what comes from ' +
      'the windows of a stream, from those that are stored.',
    headers: idempotencyHeader,
    body: entityViewSchema,
    responses: { 201: created('The new view.', features.featureViewDocumentSchema), ...bodyProblems(409, 503) },
  },
  {
    id: 'getFeatureView',
    method: 'get',
    path: '/api/feature-views/{view}',
    tag: 'features',
    summary: 'Show one feature view',
    params: viewParams,
    responses: { 200: tagged('The view.', features.featureViewDocumentSchema), ...problems(404) },
  },
  {
    id: 'putFeatureView',
    method: 'put',
    path: '/api/feature-views/{view}',
    tag: 'features',
    summary: 'Replace a feature view',
    description:
      'Features whose name, type and source stay keep their values. Bundles that pin the version before are still served by it.',
    params: viewParams,
    headers: ifMatchHeader,
    body: entityViewSchema,
    responses: {
      200: tagged('The view as it is now.', features.featureViewDocumentSchema),
      ...bodyProblems(404, 409, 503),
    },
  },
  {
    id: 'deleteFeatureView',
    method: 'delete',
    path: '/api/feature-views/{view}',
    tag: 'features',
    summary: 'Remove a feature view',
    description: 'Its history stays, and bundles that pin one of its versions are served as before.',
    params: viewParams,
    headers: ifMatchHeader,
    responses: { 204: nothing('Removed.'), ...problems(404, 409, 415) },
  },
  {
    id: 'listFeatureWindowSources',
    method: 'get',
    path: '/api/feature-views/{view}/windows',
    tag: 'features',
    summary: 'List the features that come from windows of streams, and how far they are',
    params: viewParams,
    query: pageQuerySchema,
    responses: {
      200: list("In the view's order.", features.featureWindowSourcePageSchema, features.featureWindowSourceSchema),
      ...problems(404, 503),
    },
  },
  {
    id: 'getEntityFeatures',
    method: 'get',
    path: '/api/features/{view}/{entity}',
    tag: 'features',
    summary: 'Read the features of one entity, now or as of an instant',
    description: 'An entity that nobody has spoken of has no features: every status is NOT_FOUND.',
    params: entityParams,
    query: features.featureReadQuerySchema,
    responses: {
      200: tagged('Values, statuses, and the vector.', features.entityFeaturesSchema),
      ...problems(404, 503),
    },
  },
  {
    id: 'putEntityFeatures',
    method: 'put',
    path: '/api/features/{view}/{entity}',
    tag: 'features',
    summary: 'Tell values of one entity with the time they were true',
    description:
      'A late older value enters the history and never overwrites a newer one. Repeating a request changes nothing.',
    params: entityParams,
    headers: ifMatchHeader,
    body: features.featurePutSchema,
    responses: {
      200: tagged('The entity as it is now.', features.entityFeaturesSchema),
      ...bodyProblems(404, 409, 503),
    },
  },
  {
    id: 'readFeatures',
    method: 'post',
    path: '/api/features/{view}/read',
    tag: 'features',
    summary: 'Read the features of many entities',
    isRead: true,
    params: viewParams,
    body: features.featureBulkReadSchema,
    responses: { 200: json('One column per feature.', features.featureColumnsSchema), ...bodyProblems(404, 503) },
  },
  {
    id: 'listFeatureHistory',
    method: 'get',
    path: '/api/features/{view}/{entity}/history',
    tag: 'features',
    summary: 'List everything that was ever known of one entity',
    params: entityParams,
    query: features.featureHistoryQuerySchema,
    responses: {
      200: list(
        'By feature, event time and created time.',
        features.featureHistoryPageSchema,
        features.featureHistoryEntrySchema,
      ),
      ...problems(404, 503),
    },
  },
  {
    id: 'importFeatures',
    method: 'post',
    path: '/api/features/{view}/import',
    tag: 'features',
    summary: 'Import a CSV file of values',
    description:
      'Columns `entity`, optionally `eventAt`, and features of the view; an empty cell says nothing, `null` says that there is no value. ' +
      'Bad rows are counted by reason and listed; good ones are stored. The Idempotency-Key becomes the id of the import.',
    headers: idempotencyHeader,
    params: viewParams,
    body: z
      .string()
      .meta({ id: 'FeatureCsv', examples: ['entity,eventAt,orders_30d\r\ncustomer-1,1760000000123,3\r\n'] }),
    bodyType: 'text/csv',
    responses: {
      201: created('What became of the rows.', features.featureImportSchema),
      ...bodyProblems(404, 409, 503),
    },
  },
  {
    id: 'listFeatureImports',
    method: 'get',
    path: '/api/feature-imports',
    tag: 'features',
    summary: 'List imports, newest first',
    query: pageQuerySchema,
    responses: {
      200: list('Imports.', features.featureImportPageSchema, features.featureImportSchema),
      ...problems(503),
    },
  },
  {
    id: 'getFeatureImport',
    method: 'get',
    path: '/api/feature-imports/{importId}',
    tag: 'features',
    summary: 'Show one import and how far it is',
    params: importParams,
    responses: { 200: json('The import.', features.featureImportSchema), ...problems(404, 503) },
  },
  {
    id: 'listRejectedRows',
    method: 'get',
    path: '/api/feature-imports/{importId}/rejected',
    tag: 'features',
    summary: 'List the rows an import refused, with their reasons',
    params: importParams,
    query: pageQuerySchema,
    responses: {
      200: list('Rows.', features.rejectedRowPageSchema, features.rejectedRowSchema),
      ...problems(404, 503),
    },
  },
  {
    id: 'listSkewAudits',
    method: 'get',
    path: '/api/feature-audits',
    tag: 'features',
    summary: 'List audits of served vectors, newest first',
    query: features.skewAuditQuerySchema,
    responses: { 200: list('Audits.', features.skewAuditPageSchema, features.skewAuditSchema), ...problems(503) },
  },
];
