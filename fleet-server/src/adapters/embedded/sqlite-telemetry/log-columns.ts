/** Reads commits of the log as columns, for consumers that look at a few values of very many records. */
import type { AnyRecord, ClockVerdict, RecordKind, Scalar } from '@shoal/protocol';
import { RECORD_KINDS } from '@shoal/protocol/vocabulary';
import type { Column, RecordColumns } from '@shoal/models/streams';
import { breathe } from '../../../give-way.ts';
import { parseExtents, type Extent } from './commit-extents.ts';
import { listDays, shapeTable, unpackFlags, type Day } from './day-table.ts';
import { ExtentReader, type ExtentRows } from './extent-rows.ts';
import { CLOCKS, LANES } from '../../../ports/packed-records/pack-records.ts';
import { JsonColumns } from './json-columns.ts';
import { parseShape, type Shape } from '../../../ports/packed-records/record-body.ts';
import type { Sqlite } from './telemetry-file.ts';

const BYTES_PER_VALUE = 8;

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
  readonly #readers = new Map<Day, ExtentReader>();
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
        const columns = wanted.flatMap((extent) => {
          breathe();
          return this.#extent(extent);
        });
        batches.push(...columns);
        records += columns.reduce((sum, { length }) => sum + length, 0);
        lastBatchId = batchId;
      }
      if (commits.length < COMMITS_AT_ONCE) return { lastBatchId, batches, records, isEnd: true };
    }
  }

  /** Nothing when its day or its device is gone. */
  #extent(extent: Extent): RecordColumns[] {
    if (!this.#days.has(extent.day)) return [];
    const deviceId = this.#names.get(extent.epochNo);
    if (deviceId === undefined) return [];
    return this.#reader(extent.day)
      .read(extent)
      .flatMap((rows) => byLane(rows, (lane, ofLane) => this.#columns(extent, deviceId, lane, ofLane)));
  }

  #columns(extent: Extent, deviceId: string, lane: number, rows: ExtentRows): RecordColumns {
    const kind = RECORD_KINDS[extent.kind] ?? 'readings';
    const facts = {
      deviceId,
      kind,
      lane: LANES[lane] ?? 'live',
      receivedAt: rows.receivedAt,
      length: rows.length,
      eventAt: rows.eventAt,
      sequence: rows.sequence,
      clock: rows.flags.map((flags) => CLOCKS[unpackFlags(flags).clock] ?? 'bad'),
    };
    const column =
      kind === 'readings' ? readingColumn(rows, (shapeNo) => this.#shape(extent.day, shapeNo)) : jsonColumn(kind, rows);
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

  #reader(day: Day): ExtentReader {
    const known = this.#readers.get(day);
    if (known !== undefined) return known;
    const reader = new ExtentReader(this.#db, day);
    this.#readers.set(day, reader);
    return reader;
  }
}

/** Nearly always all rows share the lane. */
const byLane = (rows: ExtentRows, make: (lane: number, rows: ExtentRows) => RecordColumns): RecordColumns[] => {
  const lanes = rows.flags.map((flags) => unpackFlags(flags).lane);
  return [...new Set(lanes)].map((lane) => {
    const picked = lanes.flatMap((each, row) => (each === lane ? [row] : []));
    if (picked.length === rows.length) return make(lane, rows);
    const pick = <T>(column: readonly T[]): T[] => picked.map((row) => column[row] as T);
    const bodies = picked.map((row) => bodyOf(rows, row));
    const sizes = bodies.map(({ length }) => length);
    return make(lane, {
      ...rows,
      length: picked.length,
      eventAt: pick(rows.eventAt),
      sequence: pick(rows.sequence),
      flags: pick(rows.flags),
      shapeNo: pick(rows.shapeNo),
      offsets: [0, ...sizes.map((_, row) => sizes.slice(0, row + 1).reduce((sum, size) => sum + size, 0))],
      bodies: Buffer.concat(bodies),
    });
  });
};

const bodyOf = ({ bodies, offsets }: ExtentRows, row: number): Buffer =>
  bodies.subarray(offsets[row], offsets[row + 1]);

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
const readingColumn = (
  { bodies, offsets, shapeNo }: ExtentRows,
  shapeOf: (shapeNo: number | null) => Shape | undefined,
): ((name: string) => Column) => {
  const doubles = new DataView(bodies.buffer, bodies.byteOffset, bodies.byteLength);
  const valueAt = (row: number, place: number): Scalar => {
    const value = doubles.getFloat64((offsets[row] ?? 0) + place * BYTES_PER_VALUE, true);
    return Number.isNaN(value) ? null : value;
  };
  const first = shapeNo[0] ?? null;
  const shape = shapeNo.every((each) => each === first) ? shapeOf(first) : undefined;
  const shapeAt = (row: number): Shape | undefined => shape ?? shapeOf(shapeNo[row] ?? null);
  return (name) => {
    if (name === '$source') return (row) => shapeAt(row)?.source ?? null;
    const place = shape?.channels.indexOf(name);
    if (place !== undefined) return place < 0 ? () => null : (row) => valueAt(row, place);
    return (row) => {
      const own = shapeAt(row)?.channels.indexOf(name) ?? -1;
      return own < 0 ? null : valueAt(row, own);
    };
  };
};

const jsonColumn = (kind: Exclude<RecordKind, 'readings'>, rows: ExtentRows): ((name: string) => Column) => {
  const columns = new JsonColumns(kind, (row) => JSON.parse(bodyOf(rows, row).toString('utf8')) as AnyRecord);
  return (name) => columns.column(name);
};
