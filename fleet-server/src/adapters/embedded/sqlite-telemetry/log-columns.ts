/** Reads commits of the log as columns, for consumers that look at a few values of very many records. */
import { RECORD_KINDS, type AnyRecord, type ClockVerdict, type RecordKind, type Scalar } from '@shoal/protocol';
import type { Column, RecordColumns } from '@shoal/models';
import { parseExtents, type Extent } from './commit-extents.ts';
import { listDays, rawTable, shapeTable, unpackFlags, type Day } from './day-table.ts';
import { CLOCKS, LANES } from './packed-append.ts';
import { JsonColumns } from './json-columns.ts';
import { parseShape, type Shape } from './record-body.ts';
import type { Sqlite } from './telemetry-file.ts';

const BYTES_PER_VALUE = 8;

/** In the order of `selectExtent`. */
type Row = readonly [
  eventAt: number,
  sequence: number,
  flags: number,
  lag: number,
  shapeNo: number | null,
  body: Buffer,
];

export interface LogPart {
  /** Of the last commit that was read; `afterBatchId` when there was none. */
  readonly lastBatchId: number;
  readonly batches: RecordColumns[];
  readonly records: number;
  /** Nothing came after it when it was read. */
  readonly isEnd: boolean;
}

export interface LogSpan {
  readonly afterBatchId: number;
  /** Commits after it are left out. */
  readonly untilBatchId?: number | undefined;
  /** Whole commits are read until there are so many. */
  readonly records: number;
  /** Only extents that may hold event times in `[from, to)`. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

const COMMITS_AT_ONCE = 64;
const SHAPES_IN_MEMORY = 50_000;

export class LogColumns {
  readonly #db: Sqlite;
  readonly #commits;
  readonly #names;
  readonly #head;
  readonly #rows = new Map<Day, (extent: Extent) => Row[]>();
  readonly #shapes = new Map<string, Shape>();
  #days = new Set<Day>();

  constructor(db: Sqlite) {
    this.#db = db;
    this.#commits = db.prepare<[number, number], { batch_id: number; extents: string }>(
      'SELECT batch_id, extents FROM commits WHERE batch_id > ? ORDER BY batch_id LIMIT ?',
    );
    this.#names = db
      .prepare<[number], string>('SELECT device_id FROM epochs JOIN devices USING (device_no) WHERE epoch_no = ?')
      .pluck();
    this.#head = db.prepare<[], number>('SELECT last_batch_id FROM totals').pluck();
  }

  /** Of the newest commit there ever was. */
  head(): number {
    return this.#head.get() ?? 0;
  }

  /** A read transaction of its own: everything is of one moment. */
  read(span: LogSpan): LogPart {
    return this.#db.transaction(() => this.#read(span))();
  }

  #read(span: LogSpan): LogPart {
    const { untilBatchId = Number.POSITIVE_INFINITY, from = 0, to = Number.POSITIVE_INFINITY } = span;
    this.#days = new Set(listDays(this.#db));
    const batches: RecordColumns[] = [];
    let [lastBatchId, records] = [span.afterBatchId, 0];
    for (;;) {
      const commits = this.#commits.all(lastBatchId, COMMITS_AT_ONCE);
      for (const { batch_id: batchId, extents } of commits) {
        if (batchId > untilBatchId || records >= span.records) return { lastBatchId, batches, records, isEnd: false };
        const wanted = parseExtents(extents).filter((extent) => extent.lastEventAt >= from && extent.firstEventAt < to);
        const columns = wanted.flatMap((extent) => this.#extent(extent));
        batches.push(...columns);
        records += columns.reduce((sum, { length }) => sum + length, 0);
        lastBatchId = batchId;
      }
      if (commits.length < COMMITS_AT_ONCE) return { lastBatchId, batches, records, isEnd: true };
    }
  }

  /** One per lane; nothing when its day or its device is gone. */
  #extent(extent: Extent): RecordColumns[] {
    if (!this.#days.has(extent.day)) return [];
    const deviceId = this.#names.get(extent.epochNo);
    if (deviceId === undefined) return [];
    const rows = this.#rowsOf(extent.day)(extent);
    const lanes = Map.groupBy(rows, (row) => unpackFlags(row[2]).lane);
    return [...lanes].map(([lane, ofLane]) => this.#columns(extent, deviceId, lane, ofLane));
  }

  #columns(extent: Extent, deviceId: string, lane: number, rows: readonly Row[]): RecordColumns {
    const kind = RECORD_KINDS[extent.kind] ?? 'readings';
    const clock = rows.map((row) => CLOCKS[unpackFlags(row[2]).clock] ?? 'bad');
    const receivedAt = rows.reduce((latest, row) => Math.max(latest, row[0] + row[3]), 0);
    const facts = {
      deviceId,
      kind,
      lane: LANES[lane] ?? 'live',
      receivedAt,
      length: rows.length,
      eventAt: Float64Array.from(rows, (row) => row[0]),
      sequence: Float64Array.from(rows, (row) => row[1]),
      clock,
    };
    const column =
      kind === 'readings' ? readingColumn(rows, (row) => this.#shape(extent.day, row[4])) : jsonColumn(kind, rows);
    return { ...facts, column: (name) => commonFact(name, facts) ?? column(name) };
  }

  #shape(day: Day, shapeNo: number | null): Shape | undefined {
    if (shapeNo === null) return undefined;
    const name = `${day}/${shapeNo}`;
    const known = this.#shapes.get(name);
    if (known !== undefined) return known;
    if (this.#shapes.size >= SHAPES_IN_MEMORY) this.#shapes.clear();
    const text = this.#db
      .prepare<[number], string>(`SELECT shape FROM ${shapeTable(day)} WHERE shape_no = ?`)
      .pluck()
      .get(shapeNo);
    const shape = parseShape(text ?? '[]');
    this.#shapes.set(name, shape);
    return shape;
  }

  #rowsOf(day: Day): (extent: Extent) => Row[] {
    const known = this.#rows.get(day);
    if (known !== undefined) return known;
    const statement = this.#db
      .prepare<number[], Row>(
        `SELECT event_at, sequence, flags, lag, shape_no, body FROM ${rawTable(day)}
          WHERE device_no = ? AND kind = ? AND event_at BETWEEN ? AND ? AND epoch_no = ? AND sequence BETWEEN ? AND ?`,
      )
      .raw();
    const read = ({ deviceNo, kind, firstEventAt, lastEventAt, epochNo, ranges }: Extent): Row[] =>
      ranges.flatMap(
        ([first, last]) =>
          statement.all(deviceNo, kind, firstEventAt, lastEventAt, epochNo, first, last) as unknown as Row[],
      );
    this.#rows.set(day, read);
    return read;
  }
}

const commonFact = (
  name: string,
  { deviceId, clock, lane }: { deviceId: string; clock: readonly ClockVerdict[]; lane: string },
): Column | undefined => {
  if (name === '$device') return () => deviceId;
  if (name === '$lane') return () => lane;
  if (name === '$clock') return (row) => clock[row] ?? null;
  return undefined;
};

/** Straight out of the stored doubles; nearly always all rows have the same channels. */
const readingColumn = (rows: readonly Row[], shapeOf: (row: Row) => Shape | undefined): ((name: string) => Column) => {
  const isOneShape = rows.every((row) => row[4] === rows[0]?.[4]);
  const first = rows[0] === undefined ? undefined : shapeOf(rows[0]);
  const shapeAt = (row: number): Shape | undefined => {
    const held = rows[row];
    return isOneShape || held === undefined ? first : shapeOf(held);
  };
  return (name) => {
    if (name === '$source') return (row) => shapeAt(row)?.source ?? null;
    if (isOneShape) {
      const place = first?.channels.indexOf(name) ?? -1;
      return place < 0 ? () => null : (row) => valueAt(rows[row], place);
    }
    return (row) => {
      const place = shapeAt(row)?.channels.indexOf(name) ?? -1;
      return place < 0 ? null : valueAt(rows[row], place);
    };
  };
};

const valueAt = (row: Row | undefined, place: number): Scalar => {
  const value = row?.[5].readDoubleLE(place * BYTES_PER_VALUE) ?? Number.NaN;
  return Number.isNaN(value) ? null : value;
};

const jsonColumn = (kind: Exclude<RecordKind, 'readings'>, rows: readonly Row[]): ((name: string) => Column) => {
  const columns = new JsonColumns(kind, (row) => JSON.parse(rows[row]?.[5].toString('utf8') ?? '{}') as AnyRecord);
  return (name) => columns.column(name);
};
