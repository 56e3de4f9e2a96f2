/** How lists of features look as CSV. */
import {
  featureHistoryEntrySchema,
  featureImportSchema,
  featureViewDocumentSchema,
  featureWindowSourceSchema,
  rejectedRowSchema,
  skewAuditSchema,
  type FeatureHistoryEntry,
  type FeatureImport,
  type FeatureViewDocument,
  type FeatureWindowSource,
  type RejectedRow,
  type SkewAudit,
} from '@shoal/protocol';
import type { Listing } from '../listing/list-answer.ts';

export const VIEWS: Listing<FeatureViewDocument> = {
  name: 'feature-views',
  item: featureViewDocumentSchema,
  columns: [
    { name: 'name', value: ({ name }) => name },
    { name: 'entity', value: ({ view }) => view.entity },
    { name: 'features', value: ({ view }) => view.features.length },
    { name: 'hash', value: ({ hash }) => hash },
    { name: 'revision', value: ({ revision }) => revision },
    { name: 'updatedAt', value: ({ updatedAt }) => updatedAt },
  ],
};

export const WINDOW_SOURCES: Listing<FeatureWindowSource> = {
  name: 'feature-windows',
  item: featureWindowSourceSchema,
  columns: [
    { name: 'feature', value: ({ feature }) => feature },
    { name: 'stream', value: ({ stream }) => stream },
    { name: 'aggregate', value: ({ aggregate }) => aggregate },
    { name: 'part', value: ({ part }) => part },
    { name: 'state', value: ({ state }) => state },
    { name: 'detail', value: ({ detail }) => detail },
    { name: 'behind', value: ({ behind }) => behind },
  ],
};

export const HISTORY: Listing<FeatureHistoryEntry> = {
  name: 'feature-history',
  item: featureHistoryEntrySchema,
  columns: [
    { name: 'feature', value: ({ feature }) => feature },
    { name: 'eventAt', value: ({ eventAt }) => eventAt },
    { name: 'createdAt', value: ({ createdAt }) => createdAt },
    { name: 'value', value: ({ value }) => value },
    { name: 'count', value: ({ count }) => count },
  ],
};

export const IMPORTS: Listing<FeatureImport> = {
  name: 'feature-imports',
  item: featureImportSchema,
  columns: [
    { name: 'importId', value: ({ importId }) => importId },
    { name: 'view', value: ({ view }) => view },
    { name: 'state', value: ({ state }) => state },
    { name: 'startedAt', value: ({ startedAt }) => startedAt },
    { name: 'finishedAt', value: ({ finishedAt }) => finishedAt },
    { name: 'rows', value: ({ rows }) => rows },
    { name: 'stored', value: ({ stored }) => stored },
    { name: 'unchanged', value: ({ unchanged }) => unchanged },
    { name: 'rejected', value: ({ rejected }) => rejected },
    { name: 'reasons', value: ({ reasons }) => JSON.stringify(reasons) },
  ],
};

export const REJECTED: Listing<RejectedRow> = {
  name: 'rejected-rows',
  item: rejectedRowSchema,
  columns: [
    { name: 'line', value: ({ line }) => line },
    { name: 'reason', value: ({ reason }) => reason },
    { name: 'detail', value: ({ detail }) => detail },
    { name: 'sample', value: ({ sample }) => sample },
  ],
};

export const AUDITS: Listing<SkewAudit> = {
  name: 'feature-audits',
  item: skewAuditSchema,
  columns: [
    { name: 'id', value: ({ id }) => id },
    { name: 'view', value: ({ view }) => view },
    { name: 'entity', value: ({ entity }) => entity },
    { name: 'servedAt', value: ({ servedAt }) => servedAt },
    { name: 'result', value: ({ result }) => result },
    { name: 'differing', value: ({ differing }) => differing.join(' ') },
  ],
};
