/** The worker thread that writes `scores.db` for the server: no event loop waits for the disk. */
import { parentPort, workerData } from 'node:worker_threads';
import { asFault, type ThreadAnswer, type ThreadRequest } from '../sqlite-telemetry/thread-messages.ts';
import { openForWriting, type Sqlite } from './scores-file.ts';
import { ScoresWriter } from './scores-writer.ts';
import type { ThreadData, WriterJobs } from './thread-messages.ts';

type Request = ThreadRequest<WriterJobs>;

const perform = (db: Sqlite, writer: ScoresWriter, request: Request): unknown => {
  switch (request.job) {
    case 'submit':
      return writer.submit(request.ask);
    case 'takeUp':
      return writer.takeUp(request.ask.now);
    case 'note':
      return writer.note(request.ask);
    case 'publish':
      return writer.publish(request.ask.runId, request.ask.now, request.ask.pointer);
    case 'submitBackfill':
      return writer.submitBackfill(request.ask);
    case 'nextBackfillDay':
      return writer.nextBackfillDay(request.ask.now);
    case 'endBackfill':
      return writer.endBackfill(request.ask);
    case 'trim':
      return writer.trim();
    case 'dropJob':
      return writer.dropJob(request.ask.job);
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
    const { db, quarantined } = openForWriting((workerData as ThreadData).file, Date.now());
    const writer = new ScoresWriter(db);
    port.on('message', (request: Request) => {
      try {
        say({ id: request.id, answer: perform(db, writer, request) });
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
