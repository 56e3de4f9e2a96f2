/** Drops windows past their retention, windows of streams that are gone, and the oldest changes: a bounded number at a time. */
import type { RunningStream } from './running-stream.ts';
import type { Sqlite } from './windows-file.ts';

/** Keys looked at, and rows dropped, in one step. */
const KEYS_AT_ONCE = 500;
const ROWS_AT_ONCE = 5_000;
/** Changes kept for those who follow them. */
const CHANGES_KEPT = 200_000;

const LEVELS = [0, 1, 2] as const;

export class WindowTrimmer {
  readonly #dropOld;
  readonly #dropOldCounts;
  readonly #keysAfter;
  readonly #dropOfDropped;
  readonly #forgetDropped;
  readonly #dropChanges;
  readonly #dropPublications;
  readonly #noteDropped;
  /** Keys up to this one have been looked at in this round. */
  #keyNo = 0;

  constructor(db: Sqlite) {
    this.#dropOld = db.prepare<number[]>(
      'DELETE FROM windows WHERE stream_no = ? AND level = ? AND key_no = ? AND start < ? AND end_at <= ? AND is_final = 1',
    );
    // The newest window of a key says which number comes next.
    this.#dropOldCounts = db.prepare<number[]>(
      `DELETE FROM windows WHERE stream_no = ? AND level = 0 AND key_no = ? AND updated_at <= ? AND is_final = 1 AND start <
        (SELECT max(start) FROM windows n WHERE n.stream_no = windows.stream_no AND n.level = 0 AND n.key_no = windows.key_no)`,
    );
    this.#keysAfter = db
      .prepare<[number, number], number>('SELECT key_no FROM keys WHERE key_no > ? ORDER BY key_no LIMIT ?')
      .pluck();
    this.#dropOfDropped = db.prepare<[number]>(
      `DELETE FROM windows WHERE (stream_no, level, key_no, start) IN (
        SELECT w.stream_no, level, key_no, start FROM streams s JOIN windows w USING (stream_no)
          WHERE s.is_dropped = 1 LIMIT ?)`,
    );
    this.#forgetDropped = db.prepare('DELETE FROM streams WHERE is_dropped = 1');
    this.#dropChanges = db.prepare<[number]>(
      'DELETE FROM changes WHERE change <= (SELECT max(change) FROM changes) - ?',
    );
    this.#dropPublications = db.prepare<[number]>(
      'DELETE FROM publications WHERE change <= (SELECT max(change) FROM changes) - ?',
    );
    this.#noteDropped = db.prepare<[number]>(
      'UPDATE kept SET since = max(since, (SELECT coalesce(max(change), 0) FROM changes) - ?)',
    );
  }

  /** Inside a transaction. @returns rows dropped; 0 at the end of a round */
  step(streams: readonly RunningStream[]): number {
    const ofDropped = this.#dropOfDropped.run(ROWS_AT_ONCE).changes;
    if (ofDropped > 0) return ofDropped;
    this.#forgetDropped.run();
    this.#dropChanges.run(CHANGES_KEPT);
    if (this.#dropPublications.run(CHANGES_KEPT).changes > 0) this.#noteDropped.run(CHANGES_KEPT);
    for (;;) {
      const keys = this.#keysAfter.all(this.#keyNo, KEYS_AT_ONCE);
      const last = keys.at(-1);
      this.#keyNo = last ?? 0;
      if (last === undefined) return 0;
      const dropped = keys.reduce((sum, keyNo) => sum + this.#ofKey(keyNo, streams), 0);
      if (dropped > 0) return dropped;
    }
  }

  #ofKey(keyNo: number, streams: readonly RunningStream[]): number {
    let dropped = 0;
    for (const { streamNo, horizon, plan } of streams) {
      for (const level of LEVELS) {
        const before = horizon[level];
        const isCount = level === 0 && plan.definition.window.kind === 'count';
        dropped += isCount
          ? this.#dropOldCounts.run(streamNo, keyNo, before).changes
          : this.#dropOld.run(streamNo, level, keyNo, before, before).changes;
      }
    }
    return dropped;
  }
}
