/** Rows of silences. */
import type { Silence } from '@shoal/protocol';
import type { Sqlite } from './alerts-file.ts';

export class SilenceRows {
  readonly #put;
  readonly #remove;
  readonly #removeEnded;
  readonly #all;

  constructor(db: Sqlite) {
    this.#put = db.prepare<[string, number, string]>('INSERT INTO silences VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
    this.#remove = db.prepare<[string]>('DELETE FROM silences WHERE silence_id = ?');
    this.#removeEnded = db.prepare<[number]>('DELETE FROM silences WHERE until < ?');
    this.#all = db.prepare<[], string>('SELECT silence FROM silences ORDER BY silence_id').pluck();
  }

  put(silence: Silence): void {
    this.#put.run(silence.silenceId, silence.until, JSON.stringify(silence));
  }

  remove(silenceId: string): boolean {
    return this.#remove.run(silenceId).changes > 0;
  }

  removeEnded(before: number): void {
    this.#removeEnded.run(before);
  }

  /** By id, ended ones too. */
  all(): Silence[] {
    return this.#all.all().map((text) => JSON.parse(text as string) as Silence);
  }
}
