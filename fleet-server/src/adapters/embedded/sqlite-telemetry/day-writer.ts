/** Writes rows into the raw table of one receipt day and names their shapes. */
import { INSERT_COLUMNS, createDay, rawTable, shapeTable, type Day } from './day-table.ts';
import type { Sqlite } from './telemetry-file.ts';

const SHAPES_IN_MEMORY = 50_000;

export interface RawRow {
  readonly deviceNo: number;
  readonly kind: number;
  readonly eventAt: number;
  readonly epochNo: number;
  readonly sequence: number;
  readonly flags: number;
  readonly lag: number;
  readonly observedAt: number | null;
  readonly shapeNo: number | null;
  readonly body: Uint8Array;
}

/** How a duplicate is found again. */
export interface RowKey {
  readonly deviceNo: number;
  readonly epochNo: number;
  readonly sequence: number;
}

export interface FoundRow {
  readonly kind: number;
  readonly event_at: number;
  readonly observed_at: number | null;
  readonly shape: string | null;
  readonly body: Uint8Array;
}

export class DayWriter {
  readonly day: Day;
  readonly #shapes = new Map<string, number>();
  readonly #insert;
  readonly #findShape;
  readonly #addShape;
  readonly #findAt;
  readonly #findAnywhere;

  /** Makes the tables when they are missing; inside a transaction. */
  constructor(db: Sqlite, day: Day) {
    this.day = day;
    createDay(db, day);
    const raw = rawTable(day);
    const shapes = shapeTable(day);
    this.#insert = db.prepare(`INSERT INTO ${raw} ${INSERT_COLUMNS} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.#findShape = db.prepare<[string], number>(`SELECT shape_no FROM ${shapes} WHERE shape = ?`).pluck();
    this.#addShape = db.prepare<[string]>(`INSERT INTO ${shapes} (shape) VALUES (?)`);
    const columns = `SELECT r.kind, r.event_at, r.observed_at, s.shape, r.body
      FROM ${raw} r LEFT JOIN ${shapes} s ON s.shape_no = r.shape_no`;
    this.#findAt = db.prepare<number[], FoundRow>(
      `${columns} WHERE r.device_no = ? AND r.kind = ? AND r.event_at = ? AND r.epoch_no = ? AND r.sequence = ?`,
    );
    this.#findAnywhere = db.prepare<number[], FoundRow>(
      `${columns} WHERE r.device_no = ? AND r.kind IN (0, 1, 2) AND r.epoch_no = ? AND r.sequence = ?`,
    );
  }

  insert(row: RawRow): void {
    this.#insert.run(
      row.deviceNo,
      row.kind,
      row.eventAt,
      row.epochNo,
      row.sequence,
      row.flags,
      row.lag,
      row.observedAt,
      row.shapeNo,
      row.body,
    );
  }

  shapeNo(shape: string): number {
    const known = this.#shapes.get(shape);
    if (known !== undefined) return known;
    if (this.#shapes.size >= SHAPES_IN_MEMORY) this.#shapes.clear();
    const number = this.#findShape.get(shape) ?? Number(this.#addShape.run(shape).lastInsertRowid);
    this.#shapes.set(shape, number);
    return number;
  }

  /** One look at the key, for a record that says the same time again. */
  findAt(key: RowKey, kind: number, eventAt: number): FoundRow | undefined {
    return this.#findAt.get(key.deviceNo, kind, eventAt, key.epochNo, key.sequence);
  }

  /** Reads all rows of the device on this day: only for records that come again with another time. */
  findAnywhere(key: RowKey): FoundRow | undefined {
    return this.#findAnywhere.get(key.deviceNo, key.epochNo, key.sequence);
  }
}
