/** The worker thread that answers what is no point read: as-of reads, history, lists. */
import { parentPort, workerData } from 'node:worker_threads';
import { asFault, type ThreadAnswer, type ThreadRequest } from '../sqlite-telemetry/thread-messages.ts';
import { openForReading, type Sqlite } from './features-file.ts';
import { readAsOf } from './as-of-read.ts';
import { readSlotHistory } from './history-read.ts';
import { findImport, readAudits, readImports, readRejected } from './list-reads.ts';
import type { ReaderJobs, ThreadData } from './thread-messages.ts';

type Request = ThreadRequest<ReaderJobs>;

const perform = (db: Sqlite, request: Request): unknown => {
  switch (request.job) {
    case 'asOf':
      return readAsOf(db, request.ask);
    case 'history':
      return readSlotHistory(db, request.ask);
    case 'findImport':
      return findImport(db, request.ask.importId) ?? null;
    case 'imports':
      return readImports(db, request.ask);
    case 'rejected':
      return readRejected(db, request.ask);
    case 'audits':
      return readAudits(db, request.ask);
    case 'close':
      db.close();
      return null;
  }
};

const port = parentPort;
if (port !== null) {
  const say = (answer: ThreadAnswer): void => port.postMessage(answer);
  const db = openForReading((workerData as ThreadData).file);
  port.on('message', (request: Request) => {
    try {
      say({ id: request.id, answer: perform(db, request) });
    } catch (error) {
      say({ id: request.id, fault: asFault(error) });
    }
  });
  say({ opened: true, isChecked: true });
}
