/** Backfills by id and in pages. */
import type { Page } from '@shoal/protocol';
import { decodeCursor, encodeCursor } from '../../../listing/cursor.ts';
import type { BackfillQuery, StoredBackfill } from '../../../ports/backfills.ts';
import { backfillOf, selectBackfills, type BackfillRow } from './backfill-rows.ts';
import type { Sqlite } from './scores-file.ts';

export class BackfillReads {
  readonly #db: Sqlite;

  constructor(db: Sqlite) {
    this.#db = db;
  }

  find(backfillId: string): StoredBackfill | null {
    const row = this.#db.prepare<[string], BackfillRow>(selectBackfills('b.backfill_id = ?')).get(backfillId);
    return row === undefined ? null : backfillOf(row);
  }

  /** Newest first. */
  list({ job, limit, cursor }: BackfillQuery): Page<StoredBackfill> {
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(decodeCursor(cursor, ['number'])[0]);
    const rows = this.#db
      .prepare<[number, string | null, string | null, number], BackfillRow>(
        selectBackfills('b.backfill_no < ? AND (? IS NULL OR b.job = ?)', 'ORDER BY b.backfill_no DESC LIMIT ?'),
      )
      .all(before, job ?? null, job ?? null, limit + 1);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: shown.map(backfillOf),
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.backfill_no]) : null,
    };
  }
}
