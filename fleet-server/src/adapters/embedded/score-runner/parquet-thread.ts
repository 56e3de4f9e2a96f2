/** The worker thread that takes a Parquet file apart, a batch of rows for each message: it can be ended in the middle of anything. */
import { open } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { asFault } from '../sqlite-telemetry/thread-messages.ts';
import type { ParquetAnswer, ParquetSource } from './parquet-reader.ts';
import { parquetRows } from './parquet-rows.ts';

const BATCH_ROWS = 1_000;

type Row = Readonly<Record<string, unknown>>;

/** @yields so many rows at a time, and what is left */
async function* batches({ path, entity, wanted }: ParquetSource): AsyncGenerator<Row[]> {
  // It is closed with the thread.
  const handle = await open(path);
  let batch: Row[] = [];
  for await (const row of parquetRows(handle, entity, wanted)) {
    batch.push(row);
    if (batch.length === BATCH_ROWS) {
      yield batch;
      batch = [];
    }
  }
  yield batch;
}

const port = parentPort;
if (port !== null) {
  const all = batches(workerData as ParquetSource);
  port.on('message', () => {
    all.next().then(
      ({ value, done }) => port.postMessage({ rows: done === true ? null : value } satisfies ParquetAnswer),
      (error: unknown) => port.postMessage({ fault: asFault(error) } satisfies ParquetAnswer),
    );
  });
}
