/** Takes a device out of the telemetry file, a bounded number of rows at a time. */
import { listDays, rawTable } from './day-table.ts';
import type { DeadLetterTable } from './dead-letter-table.ts';
import type { Sqlite } from './telemetry-file.ts';

/** So that appends come in between. */
const ROWS_PER_STEP = 5_000;

/** In a transaction of the caller. Newest day first; the last step removes the device itself. @returns whether more is to do */
export const removeDeviceStep = (db: Sqlite, deadLetters: DeadLetterTable, deviceId: string): boolean => {
  const deviceNo = db
    .prepare<[string], number>('SELECT device_no FROM devices WHERE device_id = ?')
    .pluck()
    .get(deviceId);
  deadLetters.removeOf(deviceId);
  if (deviceNo === undefined) return false;
  for (const day of listDays(db)) {
    const keys = 'device_no, kind, event_at, epoch_no, sequence';
    const { changes } = db
      .prepare(
        `DELETE FROM ${rawTable(day)} WHERE (${keys}) IN
          (SELECT ${keys} FROM ${rawTable(day)} WHERE device_no = ? LIMIT ${ROWS_PER_STEP})`,
      )
      .run(deviceNo);
    if (changes > 0) return true;
  }
  db.prepare('DELETE FROM received WHERE epoch_no IN (SELECT epoch_no FROM epochs WHERE device_no = ?)').run(deviceNo);
  db.prepare('DELETE FROM epochs WHERE device_no = ?').run(deviceNo);
  db.prepare('DELETE FROM devices WHERE device_no = ?').run(deviceNo);
  return false;
};
