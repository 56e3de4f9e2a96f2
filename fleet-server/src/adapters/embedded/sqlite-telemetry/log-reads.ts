/** Reads commits of the log again, by the runs of keys they added, and keeps what windows of features want to know of them. */
import { sourceValue } from '@shoal/models/panes';
import type { AnyRecord, RecordKind } from '@shoal/protocol';
import { RECORD_KINDS } from '@shoal/protocol/vocabulary';
import { breathe } from '../../../give-way.ts';
import { LogColumnsBuilder, type LogEntry } from '../../../ports/log-columns.ts';
import type { LogQuery, LogValues } from '../../../ports/telemetry-store.ts';
import { parseExtents, type Extent } from './commit-extents.ts';
import { listDays, rawTable, shapeTable, type Day } from './day-table.ts';
import { parseShape, readRecord } from '../../../ports/packed-records/record-body.ts';
import type { Sqlite } from './telemetry-file.ts';

interface Row {
  readonly event_at: number;
  readonly sequence: number;
  readonly lag: number;
  readonly observed_at: number | null;
  readonly shape: string | null;
  readonly body: Uint8Array;
}

interface Growing {
  readonly eventAt: number[];
  readonly values: number[];
}

/** As the port says. */
export const readLog = (db: Sqlite, { afterBatchId, upToBatchId, commits, records, sources }: LogQuery): LogValues => {
  const days = new Set(listDays(db));
  const wanted = new Set<RecordKind>(sources.map(({ kind }) => kind));
  const entries = db
    .prepare<[number, number, number], { batch_id: number; extents: string }>(
      'SELECT batch_id, extents FROM commits WHERE batch_id > ? AND batch_id <= ? ORDER BY batch_id LIMIT ?',
    )
    .all(afterBatchId, upToBatchId, commits);
  const said = new LogColumnsBuilder();
  let lastBatchId: number | undefined;
  let read = 0;
  for (const { batch_id: batchId, extents } of entries) {
    if (read >= records) break;
    lastBatchId = batchId;
    for (const extent of parseExtents(extents)) {
      if (!days.has(extent.day) || !wanted.has(kindOf(extent))) continue;
      const rows = readRows(db, extent);
      read += rows.length;
      for (const entry of valuesOf(db, extent, rows, sources)) said.add(entry);
      breathe();
    }
  }
  return { lastBatchId, records: read, said: said.columns() };
};

const kindOf = ({ kind }: Extent): RecordKind => RECORD_KINDS[kind] ?? 'readings';

/** By the moment of receipt, then by source: created times of features never go back. */
const valuesOf = (
  db: Sqlite,
  extent: Extent,
  rows: readonly Row[],
  sources: LogQuery['sources'],
): readonly LogEntry[] => {
  const deviceId = db
    .prepare<[number], string>('SELECT device_id FROM epochs JOIN devices USING (device_no) WHERE epoch_no = ?')
    .pluck()
    .get(extent.epochNo);
  if (deviceId === undefined) return [];
  const kind = kindOf(extent);
  const byReceipt = new Map<number, readonly Growing[]>();
  for (const row of rows) {
    const receivedAt = row.event_at + row.lag;
    const growing = byReceipt.get(receivedAt) ?? sources.map(() => ({ eventAt: [], values: [] }));
    byReceipt.set(receivedAt, growing);
    const record = recordOf(kind, row);
    for (const [at, source] of sources.entries()) {
      const value = source.kind === kind ? sourceValue(source, record) : undefined;
      if (value === undefined) continue;
      growing[at]?.eventAt.push(row.event_at);
      growing[at]?.values.push(value);
    }
  }
  return [...byReceipt].flatMap(([receivedAt, growing]) =>
    growing.flatMap(({ eventAt, values }, source) =>
      values.length === 0 ? [] : [{ source, deviceId, receivedAt, eventAt, values }],
    ),
  );
};

const recordOf = (kind: RecordKind, { sequence, observed_at, event_at, shape, body }: Row): AnyRecord =>
  readRecord(kind, {
    sequence,
    observedAt: observed_at ?? event_at,
    shape: shape === null ? undefined : parseShape(shape),
    body,
  });

/** Ascending sequence. */
const readRows = (db: Sqlite, extent: Extent): Row[] => {
  const statement = db.prepare<number[], Row>(selectExtent(extent.day));
  const { deviceNo, kind, epochNo, firstEventAt, lastEventAt } = extent;
  return extent.ranges.flatMap(([first, last]) =>
    statement.all(deviceNo, kind, firstEventAt, lastEventAt, epochNo, first, last),
  );
};

const selectExtent = (day: Day): string =>
  `SELECT r.event_at, r.sequence, r.lag, r.observed_at, s.shape, r.body
    FROM ${rawTable(day)} r LEFT JOIN ${shapeTable(day)} s ON s.shape_no = r.shape_no
    WHERE r.device_no = ? AND r.kind = ? AND r.event_at BETWEEN ? AND ? AND r.epoch_no = ?
      AND r.sequence BETWEEN ? AND ?
    ORDER BY r.sequence`;
