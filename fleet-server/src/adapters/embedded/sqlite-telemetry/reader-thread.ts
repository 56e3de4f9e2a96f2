/** The worker thread that answers reads: history, charts, exports and the log never run on the event loop or the writer. */
import { parentPort, workerData } from 'node:worker_threads';
import { buffersOf } from '../../../ports/log-columns.ts';
import type { LogValues } from '../../../ports/telemetry-store.ts';
import { takeBreaths } from '../../../give-way.ts';
import { readDeadLetters, readHistory } from './history-reads.ts';
import { readHighestSequence, readRanges, readTotals } from './ledger-reads.ts';
import { readLog } from './log-reads.ts';
import { readSeries } from './series-reads.ts';
import { openForReading, type Sqlite } from './telemetry-file.ts';
import { asFault, type ReaderJobs, type ThreadAnswer, type ThreadRequest } from './thread-messages.ts';

type Request = ThreadRequest<ReaderJobs>;

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const perform = async (db: Sqlite, request: Request): Promise<unknown> => {
  switch (request.job) {
    case 'highestSequence':
      return readHighestSequence(db, request.ask.deviceId, request.ask.epoch);
    case 'ranges':
      return readRanges(db, request.ask.deviceId);
    case 'history':
      return readHistory(db, request.ask);
    case 'series':
      return readSeries(db, request.ask, breathe);
    case 'deadLetters':
      return readDeadLetters(db, request.ask);
    case 'readLog':
      return readLog(db, request.ask);
    case 'totals':
      return readTotals(db);
    case 'reopen':
    case 'close':
      db.close();
      return null;
  }
};

const port = parentPort;
if (port !== null) {
  takeBreaths();
  const { file } = workerData as { file: string };
  const say = (answer: ThreadAnswer, given: readonly ArrayBuffer[] = []): void => port.postMessage(answer, given);
  let db: Sqlite | undefined;
  const handle = async (request: Request): Promise<void> => {
    try {
      db ??= openForReading(file);
      const answer = await perform(db, request);
      if (!db.open) db = undefined;
      say({ id: request.id, answer }, request.job === 'readLog' ? buffersOf((answer as LogValues).said) : []);
    } catch (error) {
      say({ id: request.id, fault: asFault(error) });
    }
  };
  say({ opened: true, isChecked: false });
  port.on('message', (request: Request) => void handle(request));
}
