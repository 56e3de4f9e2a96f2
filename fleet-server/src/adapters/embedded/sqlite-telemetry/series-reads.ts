/** Reads a chart's worth of history in short steps, so that other readers get their turn and no read is held long. */
import type { Prediction, Reading, Series } from '@shoal/protocol';
import { RECORD_KINDS } from '@shoal/protocol/vocabulary';
import type { SeriesQuery } from '../../../ports/telemetry-store.ts';
import { listDays, rawTable, shapeTable, type Day } from './day-table.ts';
import { ChannelSeries } from './downsample.ts';
import { parseShape, readRecord } from '../../../ports/packed-records/record-body.ts';
import type { Sqlite } from './telemetry-file.ts';

const ROWS_PER_STEP = 2_000;

interface Row {
  readonly event_at: number;
  readonly epoch_no: number;
  readonly sequence: number;
  readonly shape: string | null;
  readonly body: Uint8Array;
}

/** `breathe` is awaited between steps. */
export const readSeries = async (db: Sqlite, query: SeriesQuery, breathe: () => Promise<void>): Promise<Series> => {
  const series = new Map<string, ChannelSeries>();
  const wanted = query.channels === undefined ? undefined : new Set(query.channels);
  let recordCount = 0;
  for (const day of listDays(db)) {
    for (const rows of steps(db, day, query)) {
      for (const row of rows) addRow(series, query, wanted, row);
      recordCount += rows.length;
      await breathe();
    }
  }
  const channels = [...series].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    deviceId: query.deviceId,
    from: query.from,
    to: query.to,
    channels: Object.fromEntries(channels.map(([channel, points]) => [channel, points.toPoints()])),
    recordCount,
    downsampled: channels.some(([, points]) => points.isDownsampled),
  };
};

function* steps(db: Sqlite, day: Day, query: SeriesQuery): Generator<Row[]> {
  const statement = db.prepare<number[], Row>(
    `SELECT r.event_at, r.epoch_no, r.sequence, s.shape, r.body
      FROM ${rawTable(day)} r LEFT JOIN ${shapeTable(day)} s ON s.shape_no = r.shape_no
      WHERE r.device_no = ? AND r.kind = ? AND r.event_at >= ? AND r.event_at < ?
        AND (r.event_at, r.epoch_no, r.sequence) > (?, ?, ?)
      ORDER BY r.event_at, r.epoch_no, r.sequence LIMIT ${ROWS_PER_STEP}`,
  );
  const device = db
    .prepare<[string], number>('SELECT device_no FROM devices WHERE device_id = ?')
    .pluck()
    .get(query.deviceId);
  if (device === undefined) return;
  const kind = RECORD_KINDS.indexOf(query.kind);
  let after: readonly [number, number, number] = [query.from, -1, -1];
  for (;;) {
    const rows = statement.all(device, kind, after[0], query.to, ...after);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    if (rows.length < ROWS_PER_STEP) return;
    after = [last.event_at, last.epoch_no, last.sequence];
  }
}

const addRow = (
  series: Map<string, ChannelSeries>,
  query: SeriesQuery,
  wanted: ReadonlySet<string> | undefined,
  row: Row,
): void => {
  const record = readRecord(query.kind, {
    sequence: row.sequence,
    observedAt: row.event_at,
    shape: row.shape === null ? undefined : parseShape(row.shape),
    body: row.body,
  }) as Reading | Prediction;
  const values = 'values' in record ? record.values : record.outputs;
  for (const [channel, value] of Object.entries(values)) {
    if (value === null || wanted?.has(channel) === false) continue;
    const points = series.get(channel) ?? new ChannelSeries(query.from, query.to, query.points);
    series.set(channel, points);
    points.add(row.event_at, value);
  }
};
