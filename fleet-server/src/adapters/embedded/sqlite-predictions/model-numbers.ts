/** Models by number, as rows name them. */
import type { Statement } from 'better-sqlite3';
import type { Sqlite } from './predictions-file.ts';

export class ModelNumbers {
  readonly #find: Statement<[string, string], number>;
  readonly #add: Statement<[string, string]>;
  readonly #known = new Map<string, number>();

  constructor(db: Sqlite) {
    this.#find = db
      .prepare<[string, string], number>('SELECT model_no FROM models WHERE name = ? AND version = ?')
      .pluck() as Statement<[string, string], number>;
    this.#add = db.prepare('INSERT INTO models (name, version) VALUES (?, ?)');
  }

  /** Undefined: nothing was ever asked of it. */
  find(name: string, version: string): number | undefined {
    const key = `${name} ${version}`;
    const known = this.#known.get(key) ?? this.#find.get(name, version);
    if (known !== undefined) this.#known.set(key, known);
    return known;
  }

  /** Within a transaction. */
  of(name: string, version: string): number {
    return this.find(name, version) ?? Number(this.#add.run(name, version).lastInsertRowid);
  }

  /** After a transaction that was rolled back. */
  forgetAll(): void {
    this.#known.clear();
  }
}
