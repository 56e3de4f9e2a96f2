/** The file of windows as alerts read it: opened again when it was set aside and another was begun in its place. */
import { statSync } from 'node:fs';
import type { WindowChange, WindowQuery } from '../../../ports/window-store.ts';
import type { Page, WindowResult } from '@shoal/protocol';
import { openForReading, type Sqlite } from '../sqlite-windows/windows-file.ts';
import { WindowsReads } from '../sqlite-windows/windows-reads.ts';

export interface WindowPart {
  /** In order, each as it is now; those of dropped streams are left out. */
  readonly changes: readonly WindowChange[];
  /** Number of the last change that was looked at. */
  readonly position: number;
  readonly isEnd: boolean;
}

/** Windows as they were published. */
export interface WindowSource {
  /** Number of the newest change; 0 before the first. */
  head(): number;
  read(afterChange: number, limit: number): WindowPart;
}

interface Opened {
  readonly inode: number;
  readonly db: Sqlite;
  readonly reads: WindowsReads;
}

const LAST = 'SELECT max(change) FROM changes';
const READ = 'SELECT count(*) AS count, max(change) AS last FROM (SELECT change FROM changes WHERE change > ? LIMIT ?)';

export class FollowedWindows implements WindowSource {
  readonly #file: string;
  #opened: Opened | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  head(): number {
    return (this.#open().db.prepare(LAST).pluck().get() as number | null) ?? 0;
  }

  read(afterChange: number, limit: number): WindowPart {
    const { db, reads } = this.#open();
    return db.transaction(() => {
      const { count, last } = db
        .prepare<[number, number], { count: number; last: number | null }>(READ)
        .get(afterChange, limit) as { count: number; last: number | null };
      const changes = count === 0 ? [] : reads.changes(afterChange, limit);
      return { changes, position: last ?? afterChange, isEnd: count < limit };
    })();
  }

  windows(query: WindowQuery): Page<WindowResult> {
    return this.#open().reads.windows(query);
  }

  hasStream(name: string): boolean {
    return this.#open().reads.stream(name) !== undefined;
  }

  close(): void {
    this.#opened?.db.close();
    this.#opened = undefined;
  }

  #open(): Opened {
    const inode = statSync(this.#file).ino;
    if (this.#opened !== undefined && this.#opened.inode !== inode) this.close();
    if (this.#opened === undefined) {
      const db = openForReading(this.#file);
      this.#opened = { inode, db, reads: new WindowsReads(db) };
    }
    return this.#opened;
  }
}
