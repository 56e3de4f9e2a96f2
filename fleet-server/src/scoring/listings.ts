/** How lists of jobs, runs and quarantined rows look as CSV. */
import {
  quarantinedRowSchema,
  scoringBackfillSchema,
  scoringJobDocumentSchema,
  scoringRunSchema,
  type QuarantinedRow,
  type ScoringBackfill,
  type ScoringJobDocument,
  type ScoringRun,
} from '@shoal/protocol';
import type { Listing } from '../listing/list-answer.ts';

export const JOBS: Listing<ScoringJobDocument> = {
  name: 'scoring-jobs',
  item: scoringJobDocumentSchema,
  columns: [
    { name: 'name', value: ({ name }) => name },
    { name: 'model', value: ({ job }) => job.model.name },
    { name: 'version', value: ({ job }) => job.model.version },
    { name: 'entities', value: ({ job }) => job.entities.kind },
    { name: 'cron', value: ({ job }) => job.schedule?.cron },
    { name: 'zone', value: ({ job }) => job.schedule?.zone },
    { name: 'publishedRun', value: ({ publishedRun }) => publishedRun },
    { name: 'revision', value: ({ revision }) => revision },
    { name: 'updatedAt', value: ({ updatedAt }) => updatedAt },
  ],
};

export const RUNS: Listing<ScoringRun> = {
  name: 'scoring-runs',
  item: scoringRunSchema,
  columns: [
    { name: 'id', value: ({ id }) => id },
    { name: 'job', value: ({ job }) => job },
    { name: 'state', value: ({ state }) => state },
    { name: 'isPublished', value: ({ isPublished }) => isPublished },
    { name: 'model', value: ({ model }) => model.name },
    { name: 'version', value: ({ model }) => model.version },
    { name: 'asOf', value: ({ asOf }) => asOf },
    { name: 'rows', value: ({ progress }) => progress.done },
    { name: 'carried', value: ({ progress }) => progress.carried },
    { name: 'quarantined', value: ({ progress }) => progress.quarantined },
    { name: 'backfill', value: ({ backfill }) => backfill },
    { name: 'attempts', value: ({ attempts }) => attempts },
    { name: 'createdAt', value: ({ createdAt }) => createdAt },
    { name: 'finishedAt', value: ({ finishedAt }) => finishedAt },
    { name: 'checksum', value: ({ summary }) => summary?.checksum },
    { name: 'errorCode', value: ({ error }) => error?.code },
    { name: 'errorMessage', value: ({ error }) => error?.message },
  ],
};

export const BACKFILLS: Listing<ScoringBackfill> = {
  name: 'scoring-backfills',
  item: scoringBackfillSchema,
  columns: [
    { name: 'id', value: ({ id }) => id },
    { name: 'job', value: ({ job }) => job },
    { name: 'state', value: ({ state }) => state },
    { name: 'from', value: ({ from }) => from },
    { name: 'to', value: ({ to }) => to },
    { name: 'days', value: ({ days }) => days.total },
    { name: 'done', value: ({ days }) => days.done },
    { name: 'failed', value: ({ days }) => days.failed },
    { name: 'createdAt', value: ({ createdAt }) => createdAt },
    { name: 'finishedAt', value: ({ finishedAt }) => finishedAt },
    { name: 'errorCode', value: ({ error }) => error?.code },
  ],
};

export const QUARANTINE: Listing<QuarantinedRow> = {
  name: 'quarantine',
  item: quarantinedRowSchema,
  columns: [
    { name: 'entity', value: ({ entity }) => entity },
    { name: 'reason', value: ({ reason }) => reason },
    { name: 'detail', value: ({ detail }) => detail },
  ],
};
