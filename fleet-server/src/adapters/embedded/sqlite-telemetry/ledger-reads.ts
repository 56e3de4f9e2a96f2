/** What was received, counted: ranges, highest sequence, totals. */
import type { ReceivedRanges } from '@shoal/protocol';
import type { Sqlite } from './telemetry-file.ts';

/** 0 when the epoch is unknown. */
export const readHighestSequence = (db: Sqlite, deviceId: string, epoch: string): number =>
  db
    .prepare<[string, string], number | null>(
      `SELECT max(last) FROM received WHERE epoch_no =
        (SELECT epoch_no FROM epochs JOIN devices USING (device_no) WHERE device_id = ? AND epoch = ?)`,
    )
    .pluck()
    .get(deviceId, epoch) ?? 0;

export const readRanges = (db: Sqlite, deviceId: string): ReceivedRanges => {
  const rows = db
    .prepare<[string], { epoch: string; first: number; last: number }>(
      `SELECT epoch, first, last FROM devices JOIN epochs USING (device_no) JOIN received USING (epoch_no)
        WHERE device_id = ? ORDER BY epoch_no, first`,
    )
    .all(deviceId);
  const epochs = new Map<string, ReceivedRanges['epochs'][number]>();
  for (const { epoch, first, last } of rows) {
    const entry = epochs.get(epoch) ?? { epoch, ranges: [], count: 0 };
    entry.ranges.push([first, last]);
    entry.count += last - first + 1;
    epochs.set(epoch, entry);
  }
  return { deviceId, epochs: [...epochs.values()] };
};

interface Totals {
  records: number;
  duplicates: number;
  deadLetters: number;
}

export const readTotals = (db: Sqlite): Totals =>
  db.prepare<[], Totals>('SELECT records, duplicates, dead_letters AS deadLetters FROM totals').get() ?? {
    records: 0,
    duplicates: 0,
    deadLetters: 0,
  };
