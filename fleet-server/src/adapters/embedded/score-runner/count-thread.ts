/** The worker thread that counts the entities of a job before it runs, read as a run would read them. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parentPort, workerData } from 'node:worker_threads';
import type { EntityOrigin } from '../../../ports/score-runner.ts';
import { openForReading } from '../sqlite-features/features-file.ts';
import { asFault, type ThreadAnswer, type ThreadRequest } from '../sqlite-telemetry/thread-messages.ts';
import { viewSource } from './entity-source.ts';
import { parquetRowCount } from './parquet-rows.ts';

export interface CountThreadData {
  readonly featuresFile: string;
}

export interface CountThreadJobs {
  count: { ask: Exclude<EntityOrigin, { kind: 'listed' }>; answer: number };
  close: { ask: null; answer: null };
}

const RANGE_ROWS = 1_000_000;

const linesOf = async (path: string): Promise<number> => {
  let lines = 0;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity }))
    lines += line.trim() === '' ? 0 : 1;
  return lines;
};

const rowsOf = async (path: string): Promise<number> => {
  const handle = await open(path);
  try {
    return await parquetRowCount(handle);
  } finally {
    await handle.close();
  }
};

const entitiesOf = (featuresFile: string, viewNo: number): number => {
  const features = openForReading(featuresFile);
  try {
    return viewSource(features, viewNo).partitions(RANGE_ROWS).expected;
  } finally {
    features.close();
  }
};

const perform = async (request: ThreadRequest<CountThreadJobs>, { featuresFile }: CountThreadData) => {
  if (request.job === 'close') return null;
  const origin = request.ask;
  if (origin.kind === 'view') return entitiesOf(featuresFile, origin.viewNo);
  // Of a CSV file the header is no entity, and a Parquet file says it itself.
  if (origin.format === 'parquet') return rowsOf(origin.path);
  return Math.max(0, (await linesOf(origin.path)) - (origin.format === 'csv' ? 1 : 0));
};

const port = parentPort;
if (port !== null) {
  const say = (answer: ThreadAnswer): void => port.postMessage(answer);
  port.on('message', (request: ThreadRequest<CountThreadJobs>) => {
    perform(request, workerData as CountThreadData).then(
      (answer) => say({ id: request.id, answer }),
      (error: unknown) => say({ id: request.id, fault: asFault(error) }),
    );
  });
  say({ opened: true, isChecked: true });
}
