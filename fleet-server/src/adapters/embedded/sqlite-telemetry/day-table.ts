/** The raw table of one receipt day (UTC): its name, its columns and its dictionary of shapes. */
import type { Sqlite } from './telemetry-file.ts';

const DAY_MS = 86_400_000;

/** `YYYYMMDD` */
export type Day = string;

export const dayOf = (at: number): Day => new Date(at).toISOString().slice(0, 10).replaceAll('-', '');

/** The day around an instant: `[from, to)`. */
export const daySpan = (at: number): { readonly day: Day; readonly from: number; readonly to: number } => {
  const from = Math.floor(at / DAY_MS) * DAY_MS;
  return { day: dayOf(at), from, to: from + DAY_MS };
};

/** `YYYY-MM-DD` */
export const dayName = (day: Day): string => `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`;

/** The first day that is kept when whole days older than `days` are dropped. */
export const firstDayKept = (now: number, days: number): Day => dayOf(now - days * DAY_MS);

export const rawTable = (day: Day): string => `raw_${day}`;
export const shapeTable = (day: Day): string => `shapes_${day}`;

/**
 * One row is one record. Its key is in the order in which history is read, so that a batch of one device is one run of
 * neighbouring rows and reading by event time needs no second index; only events are also found across devices.
 * `flags` = clock + 4 * class + 32 * lane; `lag` = receivedAt - event_at; `observed_at` is null when it is event_at.
 */
export const createDay = (db: Sqlite, day: Day): void => {
  db.exec(`
    CREATE TABLE IF NOT EXISTS ${shapeTable(day)} (shape_no INTEGER PRIMARY KEY, shape TEXT NOT NULL UNIQUE);
    CREATE TABLE IF NOT EXISTS ${rawTable(day)} (
      device_no INTEGER NOT NULL, kind INTEGER NOT NULL, event_at INTEGER NOT NULL, epoch_no INTEGER NOT NULL,
      sequence INTEGER NOT NULL, flags INTEGER NOT NULL, lag INTEGER NOT NULL, observed_at INTEGER, shape_no INTEGER,
      body BLOB NOT NULL, PRIMARY KEY (device_no, kind, event_at, epoch_no, sequence)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS ${rawTable(day)}_events
      ON ${rawTable(day)} (event_at, device_no, epoch_no, sequence) WHERE kind = 2;
  `);
};

export const INSERT_COLUMNS =
  '(device_no, kind, event_at, epoch_no, sequence, flags, lag, observed_at, shape_no, body)';

/** Days that have a raw table, newest first. */
export const listDays = (db: Sqlite): Day[] =>
  db
    .prepare<[], string>(`SELECT substr(name, 5) FROM sqlite_schema WHERE type = 'table' AND name GLOB 'raw_[0-9]*'`)
    .pluck()
    .all()
    .toSorted()
    .toReversed();

const CLASS_UNIT = 4;
const LANE_UNIT = 32;

export const packFlags = (clock: number, priority: number, lane: number): number =>
  clock + CLASS_UNIT * priority + LANE_UNIT * lane;

export const unpackFlags = (flags: number): { clock: number; priority: number; lane: number } => ({
  clock: flags % CLASS_UNIT,
  priority: Math.floor((flags % LANE_UNIT) / CLASS_UNIT),
  lane: Math.floor(flags / LANE_UNIT),
});
