/** The worker thread that answers reads of tickets. */
import { parentPort, workerData } from 'node:worker_threads';
import { asFault, type ThreadAnswer, type ThreadRequest } from '../sqlite-telemetry/thread-messages.ts';
import { openForReading, type Sqlite } from './predictions-file.ts';
import type { ReaderJobs, ThreadData } from './thread-messages.ts';
import { TicketReads } from './ticket-reads.ts';

type Request = ThreadRequest<ReaderJobs>;

const perform = (db: Sqlite, reads: TicketReads, request: Request): unknown => {
  switch (request.job) {
    case 'find':
      return reads.find(request.ask.ticketId);
    case 'list':
      return reads.list(request.ask);
    case 'latest':
      return reads.latest(request.ask.model, request.ask.version, request.ask.entity);
    case 'close':
      db.close();
      return null;
  }
};

const port = parentPort;
if (port !== null) {
  const say = (answer: ThreadAnswer): void => port.postMessage(answer);
  const db = openForReading((workerData as ThreadData).file);
  const reads = new TicketReads(db);
  port.on('message', (request: Request) => {
    try {
      say({ id: request.id, answer: perform(db, reads, request) });
    } catch (error) {
      say({ id: request.id, fault: asFault(error) });
    }
  });
  say({ opened: true, isChecked: true });
}
