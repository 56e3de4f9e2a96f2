/** Reads commits of the log again, by the runs of keys they added. */
import { PRIORITY_CLASSES, RECORD_KINDS, type AnyRecord, type ClockVerdict } from '@shoal/protocol';
import type { LogEntry } from '../../../ports/telemetry-store.ts';
import { parseExtents, type Extent } from './commit-extents.ts';
import { listDays, rawTable, shapeTable, unpackFlags, type Day } from './day-table.ts';
import { CLOCKS, LANES } from './packed-append.ts';
import { parseShape, readRecord } from './record-body.ts';
import type { Sqlite } from './telemetry-file.ts';

interface Row {
  readonly event_at: number;
  readonly sequence: number;
  readonly flags: number;
  readonly lag: number;
  readonly observed_at: number | null;
  readonly shape: string | null;
  readonly body: Uint8Array;
}

interface Growing {
  readonly records: AnyRecord[];
  readonly eventAt: number[];
  readonly clock: ClockVerdict[];
}

type Appended = LogEntry['appended'][number];

/**
 * In commit order. What retention dropped, or what belonged to a deleted device, is absent from its entry; within an
 * entry one batch holds what shares device, kind, epoch, class, lane and receivedAt.
 */
export const readCommits = (db: Sqlite, afterBatchId: number, limit: number): LogEntry[] => {
  const days = new Set(listDays(db));
  return db
    .prepare<[number, number], { batch_id: number; extents: string }>(
      'SELECT batch_id, extents FROM commits WHERE batch_id > ? ORDER BY batch_id LIMIT ?',
    )
    .all(afterBatchId, limit)
    .map(({ batch_id: batchId, extents }) => ({
      batchId,
      appended: parseExtents(extents).flatMap((extent) => (days.has(extent.day) ? readExtent(db, extent) : [])),
    }));
};

const readExtent = (db: Sqlite, extent: Extent): Appended[] => {
  const names = db
    .prepare<[number], { device_id: string; epoch: string }>(
      'SELECT device_id, epoch FROM epochs JOIN devices USING (device_no) WHERE epoch_no = ?',
    )
    .get(extent.epochNo);
  if (names === undefined) return [];
  const kind = RECORD_KINDS[extent.kind] ?? 'readings';
  const groups = new Map<string, Growing & { readonly row: Row }>();
  for (const row of readRows(db, extent)) {
    const key = `${row.flags >> 2}/${row.event_at + row.lag}`;
    const group = groups.get(key) ?? { row, records: [], eventAt: [], clock: [] };
    groups.set(key, group);
    group.eventAt.push(row.event_at);
    group.clock.push(CLOCKS[unpackFlags(row.flags).clock] ?? 'bad');
    group.records.push(
      readRecord(kind, {
        sequence: row.sequence,
        observedAt: row.observed_at ?? row.event_at,
        shape: row.shape === null ? undefined : parseShape(row.shape),
        body: row.body,
      }),
    );
  }
  return [...groups.values()].map(({ row, records, eventAt, clock }) => {
    const { priority, lane } = unpackFlags(row.flags);
    return {
      deviceId: names.device_id,
      kind,
      epoch: names.epoch,
      class: PRIORITY_CLASSES[priority] ?? 'debug',
      lane: LANES[lane] ?? 'live',
      receivedAt: row.event_at + row.lag,
      records,
      eventAt,
      clock,
    };
  });
};

/** Ascending sequence. */
const readRows = (db: Sqlite, extent: Extent): Row[] => {
  const statement = db.prepare<number[], Row>(selectExtent(extent.day));
  const { deviceNo, kind, epochNo, firstEventAt, lastEventAt } = extent;
  return extent.ranges.flatMap(([first, last]) =>
    statement.all(deviceNo, kind, firstEventAt, lastEventAt, epochNo, first, last),
  );
};

const selectExtent = (day: Day): string =>
  `SELECT r.event_at, r.sequence, r.flags, r.lag, r.observed_at, s.shape, r.body
    FROM ${rawTable(day)} r LEFT JOIN ${shapeTable(day)} s ON s.shape_no = r.shape_no
    WHERE r.device_no = ? AND r.kind = ? AND r.event_at BETWEEN ? AND ? AND r.epoch_no = ?
      AND r.sequence BETWEEN ? AND ?
    ORDER BY r.sequence`;
