/** Backfills as rows, and as the port gives them. */
import type { ScoringBackfill, ScoringBackfillState } from '@shoal/protocol';
import type { StoredBackfill } from '../../../ports/backfills.ts';

export interface BackfillRow {
  readonly backfill_no: number;
  readonly backfill_id: string;
  readonly job: string;
  readonly state: ScoringBackfillState;
  readonly definition: string;
  readonly model: string;
  readonly from_day: string;
  readonly to_day: string;
  readonly created_at: number;
  readonly finished_at: number | null;
  readonly error: string | null;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly open_run: string | null;
}

/** `tail`: order and limit. */
export const selectBackfills = (conditions: string, tail = ''): string => `
  SELECT b.*, count(d.due_at) AS total, total(r.state = 'published') AS done,
    total(r.state IN ('failed', 'canceled')) AS failed,
    max(CASE WHEN r.state NOT IN ('published', 'failed', 'canceled') THEN r.run_id END) AS open_run
  FROM backfills b LEFT JOIN backfill_days d ON d.backfill_no = b.backfill_no LEFT JOIN runs r ON r.run_id = d.run_id
  WHERE ${conditions} GROUP BY b.backfill_no ${tail}`;

export const backfillOf = (row: BackfillRow): StoredBackfill => ({
  backfillId: row.backfill_id,
  job: row.job,
  model: JSON.parse(row.model) as StoredBackfill['model'],
  from: row.from_day,
  to: row.to_day,
  state: row.state,
  days: { total: row.total, done: row.done, failed: row.failed },
  run: row.open_run,
  createdAt: row.created_at,
  finishedAt: row.finished_at,
  error: row.error === null ? null : (JSON.parse(row.error) as ScoringBackfill['error']),
});
