/** Pages of windows, what changed, and how far streams are. */
import { planStream, type StreamPlan } from '@shoal/models/streams';
import type { Page, StreamDefinition, StreamStatus, StreamTally, WindowResult } from '@shoal/protocol';
import { WINDOW_LEVELS } from '@shoal/protocol/vocabulary';
import { breathe } from '../../../give-way.ts';
import { decodeCursor, encodeCursor } from '../../../listing/cursor.ts';
import type { StoredWindows, StoredWindowsQuery, WindowChange, WindowQuery } from '../../../ports/window-store.ts';
import { readStoredWindows } from './publications-reads.ts';
import type { StreamRow } from './running-stream.ts';
import { asHeld, ROW_COLUMNS, type WindowRow } from './window-rows.ts';
import { resultOf } from './window-results.ts';
import type { Sqlite } from './windows-file.ts';

type Keyed = WindowRow & { readonly key_no: number };

const LAST = Number.MAX_SAFE_INTEGER;

export class WindowsReads {
  readonly #db: Sqlite;
  readonly #plans = new Map<number, StreamPlan>();

  constructor(db: Sqlite) {
    this.#db = db;
  }

  /** Undefined: no such stream runs. */
  stream(name: string): StreamRow | undefined {
    return this.#db.prepare<[string], StreamRow>('SELECT * FROM streams WHERE name = ? AND is_dropped = 0').get(name);
  }

  windows(query: WindowQuery): Page<WindowResult> {
    const row = this.stream(query.stream);
    if (row === undefined) return { items: [], nextCursor: null };
    const plan = this.#plan(row);
    const rows = this.#select(query, row.stream_no, plan);
    const shown = rows.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      items: shown.map((each) => resultOf(plan, asHeld(each, plan), each.updated_at)),
      nextCursor: rows.length > query.limit && last !== undefined ? encodeCursor([last.key_no, last.start]) : null,
    };
  }

  /** `head`: the last commit of the log. */
  status(name: string, head: number): StreamStatus | undefined {
    const row = this.stream(name);
    if (row === undefined) return undefined;
    const openWindows = this.#db
      .prepare<[number], number>('SELECT count(*) FROM windows WHERE stream_no = ? AND is_final = 0')
      .pluck()
      .get(row.stream_no) as number;
    const tally = JSON.parse(row.tally) as StreamTally;
    return { name, position: row.position, head, isCaughtUp: row.position >= head, openWindows, tally };
  }

  /** In order; what is dropped by now is left out. */
  changes(afterChange: number, limit: number): WindowChange[] {
    const changes: WindowChange[] = [];
    const rows = this.#db
      .prepare<[number, number], Keyed & StreamRow & { change: number; is_backfill: number; is_newest: number }>(
        `SELECT c.change, c.is_backfill, s.stream_no, s.definition, w.key_no, ${ROW_COLUMNS},
          NOT EXISTS (SELECT 1 FROM windows n WHERE n.stream_no = w.stream_no AND n.level = w.level
            AND n.key_no = w.key_no AND n.start > w.start AND n.revision > 0) AS is_newest
        FROM (SELECT * FROM changes WHERE change > ? ORDER BY change LIMIT ?) c
          JOIN streams s ON s.stream_no = c.stream_no AND s.is_dropped = 0
          JOIN windows w ON w.stream_no = c.stream_no AND w.level = c.level AND w.key_no = c.key_no AND w.start = c.start
          JOIN keys k ON k.key_no = c.key_no
        ORDER BY c.change`,
      )
      .iterate(afterChange, limit);
    for (const row of rows) {
      const plan = this.#plan(row);
      changes.push({
        change: row.change,
        result: resultOf(plan, asHeld(row, plan), row.updated_at),
        isNewest: row.is_newest === 1,
        isBackfill: row.is_backfill === 1,
      });
      breathe();
    }
    return changes;
  }

  /** Of a stream that does not run: none. */
  stored(query: StoredWindowsQuery): StoredWindows {
    const row = this.stream(query.stream);
    if (row === undefined) return { definition: undefined, windows: [], nextCursor: null };
    return readStoredWindows(this.#db, { row, plan: this.#plan(row) }, query);
  }

  newest(
    name: string,
    afterKey: number,
    limit: number,
  ): { readonly windows: WindowResult[]; readonly nextKey: number | null } {
    const stream = this.stream(name);
    if (stream === undefined) return { windows: [], nextKey: null };
    const plan = this.#plan(stream);
    const rows = this.#db
      .prepare<number[], Keyed>(
        `SELECT k.key_no, ${ROW_COLUMNS} FROM (SELECT * FROM keys WHERE key_no > ? ORDER BY key_no LIMIT ?) k
          LEFT JOIN windows w ON w.stream_no = ? AND w.level = 0 AND w.key_no = k.key_no AND w.start =
            (SELECT max(start) FROM windows n WHERE n.stream_no = ? AND n.level = 0 AND n.key_no = k.key_no AND n.revision > 0)
          ORDER BY k.key_no`,
      )
      .all(afterKey, limit, stream.stream_no, stream.stream_no);
    const found = rows.filter(({ start }) => start !== null);
    return {
      windows: found.map((row) => resultOf(plan, asHeld(row, plan), row.updated_at)),
      nextKey: rows.length < limit ? null : (rows.at(-1)?.key_no ?? null),
    };
  }

  #select(query: WindowQuery, streamNo: number, plan: StreamPlan): Keyed[] {
    const { key, from = 0, to = LAST, state, order, limit } = query;
    const level = WINDOW_LEVELS.indexOf(query.level);
    const cursor = query.cursor === undefined ? undefined : decodeCursor(query.cursor, ['number', 'number']);
    const isAscending = order === 'asc';
    const word = isAscending ? 'ASC' : 'DESC';
    const conditions = ['w.start < :to', 'w.start > :from', 'w.end_at > :endAfter'];
    if (state === 'published') conditions.push('w.revision > 0');
    if (state === 'open') conditions.push('w.is_final = 0');
    if (key !== undefined) conditions.push('k.key = :key');
    if (cursor !== undefined) {
      conditions.push(
        isAscending
          ? 'k.key_no >= :cursorKey AND (k.key_no > :cursorKey OR w.start > :cursorStart)'
          : 'k.key_no <= :cursorKey AND (k.key_no < :cursorKey OR w.start < :cursorStart)',
      );
    }
    // Keys first, so that a span of time is one look per key and no walk through all windows.
    return this.#db
      .prepare<[Readonly<Record<string, unknown>>], Keyed>(
        `SELECT k.key_no, ${ROW_COLUMNS} FROM keys k CROSS JOIN windows w
            ON w.stream_no = :streamNo AND w.level = :level AND w.key_no = k.key_no
          WHERE ${conditions.join(' AND ')} ORDER BY k.key_no ${word}, w.start ${word} LIMIT :limit`,
      )
      .all({
        streamNo,
        level,
        ...this.#span(plan, level, from, to),
        limit: limit + 1,
        ...(key !== undefined && { key }),
        ...(cursor !== undefined && { cursorKey: cursor[0], cursorStart: cursor[1] }),
      });
  }

  /** A count window is found by its end alone; a session may have begun any time before. */
  #span(plan: StreamPlan, level: number, from: number, to: number): { to: number; from: number; endAfter: number } {
    const { kind } = plan.definition.window;
    const sizeMs = plan.levelMs[level as 0 | 1 | 2] ?? 0;
    if (level === 0 && kind === 'count') return { to: LAST, from: -1, endAfter: from };
    if (level === 0 && kind === 'session') return { to, from: -1, endAfter: from };
    return { to, from: from - sizeMs, endAfter: from };
  }

  #plan(row: Pick<StreamRow, 'stream_no' | 'definition'>): StreamPlan {
    const known = this.#plans.get(row.stream_no);
    if (known !== undefined) return known;
    const plan = planStream(JSON.parse(row.definition) as StreamDefinition);
    this.#plans.set(row.stream_no, plan);
    return plan;
  }
}
