/** What could not be stored as a record: the newest rows, each with the beginning of its payload. */
import type { NewDeadLetter } from '../../../ports/telemetry-store.ts';
import type { Sqlite } from './telemetry-file.ts';

const SAMPLE_BYTES = 512;

/** Works inside the transaction of its caller. */
export class DeadLetterTable {
  readonly #rows: number;
  readonly #add;
  readonly #trim;
  readonly #remove;

  constructor(db: Sqlite, rows: number) {
    this.#rows = rows;
    this.#add = db.prepare(
      `INSERT INTO dead_letters (device_id, topic, received_at, reason, detail, size_bytes, sample)
        VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#trim = db.prepare('DELETE FROM dead_letters WHERE id <= ?');
    this.#remove = db.prepare('DELETE FROM dead_letters WHERE device_id = ?');
  }

  /** Drops the oldest row when there are more than are kept. */
  add({ deviceId, topic, receivedAt, reason, detail, payload }: NewDeadLetter): void {
    const sample = payload.subarray(0, SAMPLE_BYTES);
    const { lastInsertRowid } = this.#add.run(deviceId, topic, receivedAt, reason, detail, payload.length, sample);
    this.#trim.run(Number(lastInsertRowid) - this.#rows);
  }

  removeOf(deviceId: string): void {
    this.#remove.run(deviceId);
  }
}
