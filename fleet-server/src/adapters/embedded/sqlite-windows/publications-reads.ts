/** Revisions of windows as they were published, in order; and windows that were there before anybody followed. */
import type { StreamPlan } from '@shoal/models/streams';
import type { StreamDefinition, WindowResult } from '@shoal/protocol';
import { decodeCursor, encodeCursor } from '../../../listing/cursor.ts';
import type {
  Publications,
  PublicationsQuery,
  PublishedWindow,
  StoredWindows,
  StoredWindowsQuery,
} from '../../../ports/window-store.ts';
import type { StreamRow } from './running-stream.ts';
import { asHeld, ROW_COLUMNS, type WindowRow } from './window-rows.ts';
import { resultOf } from './window-results.ts';
import type { Sqlite } from './windows-file.ts';

interface PublicationRow extends Omit<PublishedWindow, 'values'> {
  readonly change: number;
  readonly result: string | null;
}

type StoredRow = WindowRow & { readonly key_no: number };

/** A read transaction of its own: what is missing in the windows is of a definition that is missing too. */
export const readPublications = (db: Sqlite, query: PublicationsQuery): Publications =>
  db.transaction(() => {
    const { streams, afterChange, untilChange, limit } = query;
    const names = JSON.stringify(streams);
    const lastChange = db.prepare('SELECT coalesce(max(change), 0) FROM changes').pluck().get() as number;
    const rows = db
      .prepare<(string | number)[], PublicationRow>(
        `SELECT p.change, s.name AS stream, k.key, p.end_at AS endAt, p.published_at AS publishedAt, p.result
          FROM publications p JOIN streams s ON s.stream_no = p.stream_no AND s.is_dropped = 0
            JOIN keys k ON k.key_no = p.key_no
          WHERE p.change > ? AND p.change <= ? AND s.name IN (SELECT value FROM json_each(?)) ORDER BY p.change LIMIT ?`,
      )
      .all(afterChange, Math.min(untilChange, lastChange), names, limit);
    const last = rows.length < limit ? undefined : rows.at(-1);
    return {
      windows: rows.map(({ stream, key, endAt, publishedAt, result }) => ({
        stream,
        key,
        endAt,
        publishedAt,
        values: result === null ? null : (JSON.parse(result) as WindowResult['values']),
      })),
      position: last?.change ?? Math.max(afterChange, Math.min(untilChange, lastChange)),
      lastChange,
      definitions: readDefinitions(db, streams),
      keptSince: new Map(
        db
          .prepare<[string], [string, number]>(
            'SELECT name, since FROM kept WHERE name IN (SELECT value FROM json_each(?))',
          )
          .raw()
          .all(names) as unknown as [string, number][],
      ),
    };
  })();

export const readDefinitions = (db: Sqlite, streams: readonly string[]): StreamDefinition[] =>
  db
    .prepare<[string], string>(
      'SELECT definition FROM streams WHERE is_dropped = 0 AND name IN (SELECT value FROM json_each(?))',
    )
    .pluck()
    .all(JSON.stringify(streams))
    .map((text) => JSON.parse(text as unknown as string) as StreamDefinition);

/** Final ones: of a session that goes on, what was published last is gone. */
export const readStoredWindows = (
  db: Sqlite,
  { row, plan }: { readonly row: StreamRow; readonly plan: StreamPlan },
  query: StoredWindowsQuery,
): StoredWindows => {
  const [key, start] = query.cursor === undefined ? [0, -1] : decodeCursor(query.cursor, ['number', 'number']);
  const rows = db
    .prepare<[Readonly<Record<string, unknown>>], StoredRow>(
      `SELECT k.key_no, ${ROW_COLUMNS} FROM keys k CROSS JOIN windows w
          ON w.stream_no = :streamNo AND w.level = 0 AND w.key_no = k.key_no
        WHERE k.key_no >= :key AND (k.key_no > :key OR w.start > :start) AND w.end_at >= :endAfter
          AND w.revision > 0 AND w.is_final = 1 AND w.is_retracted = 0
          AND (w.key_no, w.start) NOT IN
            (SELECT key_no, start FROM publications WHERE change > :changedUntil AND stream_no = :streamNo)
        ORDER BY k.key_no, w.start LIMIT :limit`,
    )
    .all({
      streamNo: row.stream_no,
      key,
      start,
      endAfter: query.endAfter,
      changedUntil: query.changedUntil,
      limit: query.limit,
    });
  const last = rows.length < query.limit ? undefined : rows.at(-1);
  return {
    definition: plan.definition,
    windows: rows.map((each) => ({
      stream: row.name,
      key: each.key,
      endAt: each.end_at,
      publishedAt: each.updated_at,
      values: resultOf(plan, asHeld(each, plan), each.updated_at).values,
    })),
    nextCursor: last === undefined ? null : encodeCursor([last.key_no, last.start]),
  };
};
