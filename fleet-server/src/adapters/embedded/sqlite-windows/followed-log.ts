/** The telemetry file as its readers see it: opened again when it was set aside and another was begun in its place. */
import { statSync } from 'node:fs';
import { LogColumns, type LogPart, type LogSpan } from '../sqlite-telemetry/log-columns.ts';
import { openForReading, type Sqlite } from '../sqlite-telemetry/telemetry-file.ts';

interface Opened {
  readonly inode: number;
  readonly db: Sqlite;
  readonly columns: LogColumns;
}

export class FollowedLog {
  readonly #file: string;
  #opened: Opened | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  head(): number {
    return this.#columns().head();
  }

  read(span: LogSpan): LogPart {
    return this.#columns().read(span);
  }

  close(): void {
    this.#opened?.db.close();
    this.#opened = undefined;
  }

  #columns(): LogColumns {
    const inode = statSync(this.#file).ino;
    if (this.#opened !== undefined && this.#opened.inode !== inode) this.close();
    if (this.#opened === undefined) {
      const db = openForReading(this.#file);
      this.#opened = { inode, db, columns: new LogColumns(db) };
    }
    return this.#opened.columns;
  }
}
