/** Keeps every revision of the streams that somebody follows as it is published: the rows of windows hold only the newest. */
import type { HeldWindow } from '@shoal/models/streams';
import { KeyNumbers } from './key-numbers.ts';
import type { RunningStream } from './running-stream.ts';
import { resultOf } from './window-results.ts';
import type { Sqlite } from './windows-file.ts';

export class KeptPublications {
  readonly #keys: KeyNumbers;
  readonly #names;
  readonly #keep;
  readonly #add;
  #kept = new Set<string>();

  constructor(db: Sqlite, keys: KeyNumbers) {
    this.#keys = keys;
    this.#names = db.prepare<[], string>('SELECT name FROM kept').pluck();
    this.#keep = db.prepare<[string]>(
      `INSERT INTO kept VALUES (?, (SELECT coalesce(max(change), 0) FROM changes)) ON CONFLICT DO NOTHING`,
    );
    this.#add = db.prepare<(number | string | null)[]>('INSERT INTO publications VALUES (?, ?, ?, ?, ?, ?, ?)');
  }

  load(): void {
    this.#kept = new Set(this.#names.all() as string[]);
  }

  /** Inside a transaction. */
  keep(streams: readonly string[]): void {
    for (const stream of streams) {
      this.#keep.run(stream);
      this.#kept.add(stream);
    }
  }

  has(stream: string): boolean {
    return this.#kept.has(stream);
  }

  /** Of the windows of a stream, not of what they are rolled up to. */
  add(change: number, { streamNo, plan }: RunningStream, window: HeldWindow, now: number): void {
    if (window.level !== 0) return;
    const { key, start, end, isRetracted } = window;
    const result = isRetracted ? null : JSON.stringify(resultOf(plan, window, now).values);
    this.#add.run(change, streamNo, this.#keys.of(key), start, end, now, result);
  }
}
