/** Entities in ascending order out of a view or out of a list that was staged: in ranges, and a slice at a time. */
import type { EntityOrigin } from '../../../ports/score-runner.ts';
import type { Sqlite } from '../sqlite-scores/scores-file.ts';
import type { PartitionRange } from '../sqlite-scores/chunk-ledger.ts';

/** One entity: what a view has of it, or what a file says of it. */
export type SourceRow = readonly [entity: string, state: Buffer | null, own: Buffer | null];

export interface EntitySource {
  /** Ranges of `rows` entities each, and how many there are in all. */
  partitions(rows: number): { readonly expected: number; readonly ranges: readonly PartitionRange[] };
  /** At most `limit` after `from`, up to and with `to`. */
  slice(from: string, to: string | null, limit: number): SourceRow[];
}

/** Ids are ASCII: nothing sorts behind this. */
const END = '\u007f';

const sourceOf = (db: Sqlite, table: string, columns: string, key: number): EntitySource => {
  const nth = db
    .prepare<[number, string, number], string>(
      `SELECT entity FROM ${table} AND entity > ? ORDER BY entity LIMIT 1 OFFSET ?`,
    )
    .pluck();
  const rest = db.prepare<[number, string], number>(`SELECT count(*) FROM ${table} AND entity > ?`).pluck();
  const slice = db
    .prepare<[number, string, string, number], SourceRow>(
      `SELECT entity, ${columns} FROM ${table} AND entity > ? AND entity <= ? ORDER BY entity LIMIT ?`,
    )
    .raw();
  return {
    partitions(rows) {
      const ranges: PartitionRange[] = [];
      let from = '';
      for (;;) {
        const to = nth.get(key, from, rows - 1) as string | undefined;
        if (to === undefined) break;
        ranges.push({ from, to });
        from = to;
      }
      const left = rest.get(key, from) as number;
      return { expected: ranges.length * rows + left, ranges: [...ranges, { from, to: null }] };
    },
    slice: (from, to, limit) => slice.all(key, from, to ?? END, limit) as unknown as SourceRow[],
  };
};

/** Every entity of a view, from `features.db`. */
export const viewSource = (features: Sqlite, viewNo: number): EntitySource =>
  sourceOf(features, 'entities WHERE view_no = ?', 'state, NULL', viewNo);

/** What was staged for a run, from `scores.db`. */
export const listSource = (scores: Sqlite, runNo: number): EntitySource =>
  sourceOf(scores, 'inputs WHERE run_no = ?', 'NULL, own', runNo);

export interface SourceFiles {
  readonly features: Sqlite;
  readonly scores: Sqlite;
}

export const openSource = ({ features, scores }: SourceFiles, origin: EntityOrigin, runNo: number): EntitySource =>
  origin.kind === 'view' ? viewSource(features, origin.viewNo) : listSource(scores, runNo);
