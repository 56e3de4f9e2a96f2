/** What the server holds of one agent: the records from its API, the class and lane they came in from its file. */
import { join } from 'node:path';
import { RECORD_KINDS, type RecordKind } from '@shoal/protocol';
import { exportRecords, type ExportedRecord } from '../database/api-export.ts';
import { withCrashCopy } from '../database/crash-copy.ts';
import { rawTables } from '../database/ingest-records.ts';
import { openForCheck } from '../database/open-for-check.ts';

export interface ArrivedRecord {
  readonly epoch: string;
  readonly sequence: number;
  readonly kind: RecordKind;
  readonly receivedAt: number;
  /** Class and lane as the file has them: equal for equal streams. */
  readonly stream: number;
  readonly record: ExportedRecord;
}

/** The file's `flags` without the clock's verdict, which fills the lowest two bits. */
const streamOf = (flags: number): number => flags >> 2;

/** `epoch/sequence` → stream. */
const readStreams = (serverDataDir: string, deviceId: string): ReadonlyMap<string, number> =>
  withCrashCopy(serverDataDir, (folder) => {
    const streams = new Map<string, number>();
    const db = openForCheck(join(folder, 'ingest.db'));
    if (db === undefined) return streams;
    for (const table of rawTables(db)) {
      const rows = db
        .prepare<[string], [string, number, number]>(
          `SELECT epoch, sequence, flags FROM ${table} JOIN epochs USING (epoch_no)
            WHERE epochs.device_no = (SELECT device_no FROM devices WHERE device_id = ?)`,
        )
        .raw()
        .all(deviceId);
      for (const [epoch, sequence, flags] of rows) streams.set(`${epoch}/${sequence}`, streamOf(flags));
    }
    db.close();
    return streams;
  });

/** Every copy that the server gives back; the server must be running, its file is copied. */
export const readArrivals = async (
  httpUrl: string,
  serverDataDir: string,
  deviceId: string,
): Promise<readonly ArrivedRecord[]> => {
  const streams = readStreams(serverDataDir, deviceId);
  const arrived: ArrivedRecord[] = [];
  for (const kind of RECORD_KINDS) {
    for (const record of await exportRecords(httpUrl, deviceId, kind)) {
      const { epoch, sequence, receivedAt } = record;
      arrived.push({ epoch, sequence, kind, receivedAt, stream: streams.get(`${epoch}/${sequence}`) ?? -1, record });
    }
  }
  return arrived;
};
