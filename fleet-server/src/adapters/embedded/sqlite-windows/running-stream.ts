/** A stream as the writing thread runs it, and its row. */
import { DAY_MS, planStream, WindowBook, type Horizon, type StreamPlan } from '@shoal/models/streams';
import type { StreamDefinition, StreamTally } from '@shoal/protocol';
import type { WindowRows } from './window-rows.ts';
import type { Sqlite } from './windows-file.ts';

export interface StreamRow {
  readonly stream_no: number;
  readonly name: string;
  readonly hash: string;
  /** JSON of a `StreamDefinition`. */
  readonly definition: string;
  readonly position: number;
  readonly backfill_until: number;
  readonly horizon: string;
  readonly tally: string;
}

export interface RunningStream {
  readonly streamNo: number;
  readonly name: string;
  readonly hash: string;
  readonly plan: StreamPlan;
  readonly backfillUntil: number;
  readonly book: WindowBook;
  tally: StreamTally;
  horizon: Horizon;
  position: number;
  /** When the windows of all keys are looked at next. */
  sweepAt: number;
}

export const readStreams = (db: Sqlite): StreamRow[] =>
  db.prepare<[], StreamRow>('SELECT * FROM streams WHERE is_dropped = 0 ORDER BY stream_no').all();

export const runStream = (row: StreamRow, rows: WindowRows): RunningStream => {
  const plan = planStream(JSON.parse(row.definition) as StreamDefinition);
  return {
    streamNo: row.stream_no,
    name: row.name,
    hash: row.hash,
    plan,
    backfillUntil: row.backfill_until,
    book: new WindowBook(rows.of(row.stream_no, plan), rows.open(row.stream_no, plan)),
    tally: JSON.parse(row.tally) as StreamTally,
    horizon: JSON.parse(row.horizon) as unknown as Horizon,
    position: row.position,
    sweepAt: 0,
  };
};

/** The ends of the last windows that are not kept, by level. It never goes back. */
export const horizonAt = ({ retentionDays }: StreamDefinition, now: number, before: Horizon): Horizon => [
  Math.max(before[0], now - retentionDays.window * DAY_MS),
  Math.max(before[1], now - retentionDays.hour * DAY_MS),
  Math.max(before[2], now - retentionDays.day * DAY_MS),
];
