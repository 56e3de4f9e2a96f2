/** Numbers for keys, so that a row of a window carries a small integer and no text. */
import type { Statement } from 'better-sqlite3';
import type { Sqlite } from './windows-file.ts';

/** The table has all of them. */
const KEYS_IN_MEMORY = 200_000;

export class KeyNumbers {
  readonly #known = new Map<string, number>();
  readonly #find: Statement<[string], number>;
  readonly #add: Statement<[string]>;

  constructor(db: Sqlite) {
    this.#find = db.prepare<[string], number>('SELECT key_no FROM keys WHERE key = ?').pluck() as Statement<
      [string],
      number
    >;
    this.#add = db.prepare('INSERT INTO keys (key) VALUES (?)');
  }

  find(key: string): number | undefined {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = this.#find.get(key);
    if (found !== undefined) this.#remember(key, found);
    return found;
  }

  /** Adds it when it is new; inside a transaction. */
  of(key: string): number {
    const found = this.find(key);
    if (found !== undefined) return found;
    const added = Number(this.#add.run(key).lastInsertRowid);
    this.#remember(key, added);
    return added;
  }

  /** After a rollback. */
  forgetAll(): void {
    this.#known.clear();
  }

  #remember(key: string, keyNo: number): void {
    if (this.#known.size >= KEYS_IN_MEMORY) this.#known.clear();
    this.#known.set(key, keyNo);
  }
}
