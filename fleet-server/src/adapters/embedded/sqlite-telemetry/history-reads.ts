/** Pages of stored records and dead letters; a cursor is the key of the last item, so pages stay stable while data arrives. */
import type { DeadLetter, Page, RecordKind } from '@shoal/protocol';
import { RECORD_KINDS } from '@shoal/protocol/vocabulary';
import { decodeCursor, encodeCursor } from '../../../listing/cursor.ts';
import type { DeadLetterQuery, HistoryQuery, StoredOf } from '../../../ports/telemetry-store.ts';
import { listDays, rawTable, shapeTable, unpackFlags, type Day } from './day-table.ts';
import { CLOCKS } from '../../../ports/packed-records/pack-records.ts';
import { parseShape, readRecord } from '../../../ports/packed-records/record-body.ts';
import type { Sqlite } from './telemetry-file.ts';

type Stored = StoredOf[RecordKind];

interface Row {
  readonly device_id: string;
  readonly device_no: number;
  readonly epoch: string;
  readonly epoch_no: number;
  readonly event_at: number;
  readonly sequence: number;
  readonly flags: number;
  readonly lag: number;
  readonly observed_at: number | null;
  readonly shape: string | null;
  readonly body: Uint8Array;
}

/** event_at, device_no, epoch_no, sequence */
type Key = readonly [number, number, number, number];

const keyOf = (row: Row): Key => [row.event_at, row.device_no, row.epoch_no, row.sequence];

const compareKeys = (a: Key, b: Key): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || a[3] - b[3];

/**
 * Event time and receipt day are independent, so every day is asked for its first rows and the answers are merged.
 * @throws FleetError CURSOR_INVALID
 */
export const readHistory = (db: Sqlite, query: HistoryQuery<RecordKind>): Page<Stored> => {
  const after =
    query.cursor === undefined ? undefined : decodeCursor(query.cursor, ['number', 'number', 'number', 'number']);
  const deviceNo = query.deviceId === undefined ? undefined : findDevice(db, query.deviceId);
  if (query.deviceId !== undefined && deviceNo === undefined) return { items: [], nextCursor: null };
  const rows = listDays(db).flatMap((day) => readDay(db, day, query, { deviceNo, after: after as Key | undefined }));
  const direction = query.order === 'asc' ? 1 : -1;
  rows.sort((a, b) => direction * compareKeys(keyOf(a), keyOf(b)));
  const items = rows.slice(0, query.limit);
  const last = rows.length > query.limit ? items.at(-1) : undefined;
  return {
    items: items.map((row) => storedRecord(query.kind, row)),
    nextCursor: last === undefined ? null : encodeCursor(keyOf(last)),
  };
};

const findDevice = (db: Sqlite, deviceId: string): number | undefined =>
  db.prepare<[string], number>('SELECT device_no FROM devices WHERE device_id = ?').pluck().get(deviceId);

interface Where {
  readonly deviceNo: number | undefined;
  readonly after: Key | undefined;
}

const readDay = (db: Sqlite, day: Day, query: HistoryQuery<RecordKind>, { deviceNo, after }: Where): Row[] => {
  const kind = RECORD_KINDS.indexOf(query.kind);
  const ascending = query.order === 'asc';
  const word = ascending ? 'ASC' : 'DESC';
  // A constant kind lets SQLite use the partial index of events across devices.
  const conditions = [`r.kind = ${kind}`];
  const values: (string | number)[] = [];
  const where = (condition: string, ...bound: (string | number | undefined)[]): void => {
    if (bound.includes(undefined)) return;
    conditions.push(condition);
    values.push(...(bound as (string | number)[]));
  };
  where('r.device_no = ?', deviceNo);
  where('r.event_at >= ?', query.from);
  where('r.event_at < ?', query.to);
  if (after !== undefined) {
    where(`r.event_at ${ascending ? '>=' : '<='} ?`, after[0]);
    where(`(r.event_at, r.device_no, r.epoch_no, r.sequence) ${ascending ? '>' : '<'} (?, ?, ?, ?)`, ...after);
  }
  where(`json_extract(r.body, '$.severity') = ?`, query.severity);
  where(`json_extract(r.body, '$.kind') = ?`, query.eventKind);
  return db
    .prepare<(string | number)[], Row>(
      `SELECT d.device_id, r.device_no, e.epoch, r.epoch_no, r.event_at, r.sequence, r.flags, r.lag, r.observed_at,
        s.shape, r.body
      FROM ${rawTable(day)} r JOIN devices d ON d.device_no = r.device_no JOIN epochs e ON e.epoch_no = r.epoch_no
        LEFT JOIN ${shapeTable(day)} s ON s.shape_no = r.shape_no
      WHERE ${conditions.join(' AND ')}
      ORDER BY r.event_at ${word}, r.device_no ${word}, r.epoch_no ${word}, r.sequence ${word} LIMIT ?`,
    )
    .all(...values, query.limit + 1);
};

const storedRecord = (kind: RecordKind, row: Row): Stored => {
  const record = readRecord(kind, {
    sequence: row.sequence,
    observedAt: row.observed_at ?? row.event_at,
    shape: row.shape === null ? undefined : parseShape(row.shape),
    body: row.body,
  });
  return {
    deviceId: row.device_id,
    epoch: row.epoch,
    receivedAt: row.event_at + row.lag,
    eventAt: row.event_at,
    clock: CLOCKS[unpackFlags(row.flags).clock] ?? 'bad',
    ...record,
  } as Stored;
};

interface DeadLetterRow extends Omit<DeadLetter, 'sample'> {
  readonly sample: Buffer;
}

/** Newest first. @throws FleetError CURSOR_INVALID */
export const readDeadLetters = (db: Sqlite, query: DeadLetterQuery): Page<DeadLetter> => {
  const [before = Number.MAX_SAFE_INTEGER] = query.cursor === undefined ? [] : decodeCursor(query.cursor, ['number']);
  const conditions = ['id < ?'];
  const values: (string | number)[] = [before];
  if (query.deviceId !== undefined) {
    conditions.push('device_id = ?');
    values.push(query.deviceId);
  }
  if (query.reason !== undefined) {
    conditions.push('reason = ?');
    values.push(query.reason);
  }
  const rows = db
    .prepare<(string | number)[], DeadLetterRow>(
      `SELECT id, device_id AS deviceId, topic, received_at AS receivedAt, reason, detail, size_bytes AS sizeBytes, sample
        FROM dead_letters WHERE ${conditions.join(' AND ')} ORDER BY id DESC LIMIT ?`,
    )
    .all(...values, query.limit + 1);
  const items = rows.slice(0, query.limit).map((row) => ({ ...row, sample: row.sample.toString('base64') }));
  const last = rows.length > query.limit ? items.at(-1) : undefined;
  return { items, nextCursor: last === undefined ? null : encodeCursor([last.id]) };
};
