/**
 * The rows of one extent of the log in one piece: SQLite joins the columns, so that a row costs neither an object nor a buffer.
 * Measured beside reading row by row: a third of the time and little garbage.
 */
import type { Statement } from 'better-sqlite3';
import type { Extent } from './commit-extents.ts';
import { rawTable, type Day } from './day-table.ts';
import type { Sqlite } from './telemetry-file.ts';

/** Parallel columns. The body of row `i` is `bodies[offsets[i] .. offsets[i + 1])`. */
export interface ExtentRows {
  readonly length: number;
  readonly eventAt: readonly number[];
  readonly sequence: readonly number[];
  readonly flags: readonly number[];
  readonly receivedAt: number;
  readonly shapeNo: readonly (number | null)[];
  readonly offsets: readonly number[];
  readonly bodies: Buffer;
}

type Joined = readonly [
  length: number,
  eventAt: string,
  sequence: string,
  flags: string,
  receivedAt: number,
  shapeNo: string,
  sizes: string,
  bodies: string,
];

export class ExtentReader {
  readonly #statement: Statement<number[], Joined>;

  constructor(db: Sqlite, day: Day) {
    this.#statement = db
      .prepare<number[], Joined>(
        `SELECT count(*), json_group_array(event_at), json_group_array(sequence), json_group_array(flags),
          max(event_at + lag), json_group_array(shape_no), json_group_array(length(body)), group_concat(hex(body), '')
        FROM ${rawTable(day)}
        WHERE device_no = ? AND kind = ? AND event_at BETWEEN ? AND ? AND epoch_no = ? AND sequence BETWEEN ? AND ?`,
      )
      .raw() as unknown as Statement<number[], Joined>;
  }

  /** By event time, for each run of sequences one; nothing where rows are gone. */
  read({ deviceNo, kind, firstEventAt, lastEventAt, epochNo, ranges }: Extent): ExtentRows[] {
    return ranges.flatMap(([first, last]) => {
      const joined = this.#statement.get(deviceNo, kind, firstEventAt, lastEventAt, epochNo, first, last);
      return joined === undefined || joined[0] === 0 ? [] : [parted(joined)];
    });
  }
}

const parted = ([length, eventAt, sequence, flags, receivedAt, shapeNo, sizes, bodies]: Joined): ExtentRows => {
  const offsets = [0];
  let end = 0;
  for (const size of JSON.parse(sizes) as number[]) {
    end += size;
    offsets.push(end);
  }
  return {
    length,
    eventAt: JSON.parse(eventAt) as number[],
    sequence: JSON.parse(sequence) as number[],
    flags: JSON.parse(flags) as number[],
    receivedAt,
    shapeNo: JSON.parse(shapeNo) as (number | null)[],
    offsets,
    bodies: Buffer.from(bodies, 'hex'),
  };
};
