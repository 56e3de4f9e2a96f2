/** The worker thread that writes `predictions.db`; the event loop of the server never waits for the disk. */
import { parentPort, workerData } from 'node:worker_threads';
import { asFault, type ThreadAnswer, type ThreadRequest } from '../sqlite-telemetry/thread-messages.ts';
import { openForWriting, type Sqlite } from './predictions-file.ts';
import { PredictionsWriter } from './predictions-writer.ts';
import type { ThreadData, WriterJobs } from './thread-messages.ts';
import { TicketReads } from './ticket-reads.ts';

type Request = ThreadRequest<WriterJobs>;

interface Opened {
  readonly db: Sqlite;
  readonly writer: PredictionsWriter;
  readonly reads: TicketReads;
}

const perform = ({ db, writer, reads }: Opened, request: Request): unknown => {
  switch (request.job) {
    case 'submit':
      return writer.submit(request.ask);
    case 'turn':
      return writer.turn(request.ask);
    case 'cancel':
      return writer.cancel(request.ask.ticketId, request.ask.now);
    case 'retry':
      return writer.retry(request.ask.ticketId, request.ask.now, request.ask.expiresAt);
    case 'untold':
      return reads.untold();
    case 'told':
      return writer.told(request.ask.intentIds);
    case 'trim':
      return writer.trim(request.ask.finishedBefore);
    case 'takeBack':
      return writer.takeBack();
    case 'close':
      db.close();
      return null;
  }
};

const port = parentPort;
if (port !== null) {
  const say = (answer: ThreadAnswer): void => port.postMessage(answer);
  try {
    const data = workerData as ThreadData;
    const { db, quarantined } = openForWriting(data.file, Date.now());
    const opened = { db, writer: new PredictionsWriter(db, data), reads: new TicketReads(db) };
    port.on('message', (request: Request) => {
      try {
        say({ id: request.id, answer: perform(opened, request) });
      } catch (error) {
        say({ id: request.id, fault: asFault(error) });
      }
    });
    if (quarantined !== undefined) say({ quarantined, why: 'the check at the start failed' });
    say({ opened: true, isChecked: true });
  } catch (error) {
    say({ opened: false, fault: asFault(error) });
  }
}
