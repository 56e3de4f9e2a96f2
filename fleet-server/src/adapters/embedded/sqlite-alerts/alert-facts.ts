/** Single values of the file: how far log and windows were read, and the mark in ids of alerts. */
import type { Sqlite } from './alerts-file.ts';

export class AlertFacts {
  readonly #get;
  readonly #put;

  constructor(db: Sqlite) {
    this.#get = db.prepare<[string], { value: string }>('SELECT value FROM facts WHERE name = ?');
    this.#put = db.prepare<[string, string]>(
      'INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    );
  }

  get mark(): string {
    return this.#get.get('mark')?.value ?? '0000';
  }

  /** Undefined before anything was read. */
  position(of: 'log' | 'windows'): number | undefined {
    const row = this.#get.get(of);
    return row === undefined ? undefined : Number(row.value);
  }

  setPosition(of: 'log' | 'windows', position: number): void {
    this.#put.run(of, String(position));
  }
}
