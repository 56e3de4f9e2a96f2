/** Pages of imports, of the rows they refused, and of audits. */
import type { FeatureImport, Page, RejectedRow, SkewAudit } from '@shoal/protocol';
import { decodeCursor, encodeCursor } from '../../../listing/cursor.ts';
import type { PageOptions } from '../../../ports/feature-store.ts';
import type { Sqlite } from './features-file.ts';

interface ImportRow extends Omit<FeatureImport, 'reasons'> {
  readonly importNo: number;
  readonly reasons: string;
}

const IMPORT = `SELECT import_no AS importNo, import_id AS importId, view, state, started_at AS startedAt,
  finished_at AS finishedAt, rows, stored, unchanged, rejected, reasons FROM imports`;
const LAST = Number.MAX_SAFE_INTEGER;

const asImport = (row: ImportRow): FeatureImport => {
  const { importId, view, state, startedAt, finishedAt, rows, stored, unchanged, rejected } = row;
  const reasons = JSON.parse(row.reasons) as Record<string, number>;
  return { importId, view, state, startedAt, finishedAt, rows, stored, unchanged, rejected, reasons };
};

const numberOf = (cursor: string | undefined, absent: number): number =>
  cursor === undefined ? absent : Number(decodeCursor(cursor, ['number'])[0]);

/** `rows` is one longer than the page when there is more. */
const pageOf = <R, T>(rows: readonly R[], limit: number, shape: (row: R) => T, keyOf: (row: R) => number): Page<T> => {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(shape),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor([keyOf(last)]) : null,
  };
};

export const findImport = (db: Sqlite, importId: string): FeatureImport | undefined => {
  const row = db.prepare<[string], ImportRow>(`${IMPORT} WHERE import_id = ?`).get(importId);
  return row === undefined ? undefined : asImport(row);
};

/** Newest first. */
export const readImports = (db: Sqlite, { limit, cursor }: PageOptions): Page<FeatureImport> => {
  const rows = db
    .prepare<number[], ImportRow>(`${IMPORT} WHERE import_no < ? ORDER BY import_no DESC LIMIT ?`)
    .all(numberOf(cursor, LAST), limit + 1);
  return pageOf(rows, limit, asImport, ({ importNo }) => importNo);
};

/** By line. */
export const readRejected = (db: Sqlite, query: PageOptions & { importId: string }): Page<RejectedRow> => {
  const rows = db
    .prepare<[string, number, number], RejectedRow>(
      `SELECT line, reason, detail, sample FROM rejected_rows
        WHERE import_no = (SELECT import_no FROM imports WHERE import_id = ?) AND line > ? ORDER BY line LIMIT ?`,
    )
    .all(query.importId, numberOf(query.cursor, 0), query.limit + 1);
  return pageOf(
    rows,
    query.limit,
    (row) => row,
    ({ line }) => line,
  );
};

/** Newest first. */
export const readAudits = (
  db: Sqlite,
  query: PageOptions & { result: string | undefined; view: string | undefined },
): Page<SkewAudit> => {
  const rows = db
    .prepare<Record<string, unknown>, { id: number; document: string }>(
      `SELECT id, document FROM audits WHERE id < :before AND (:result IS NULL OR result = :result)
        AND (:view IS NULL OR view = :view) ORDER BY id DESC LIMIT :limit`,
    )
    .all({
      before: numberOf(query.cursor, LAST),
      result: query.result ?? null,
      view: query.view ?? null,
      limit: query.limit + 1,
    });
  const shape = ({ id, document }: (typeof rows)[number]): SkewAudit => ({
    ...(JSON.parse(document) as Omit<SkewAudit, 'id'>),
    id,
  });
  return pageOf(rows, query.limit, shape, ({ id }) => id);
};
