/** The worker thread that writes `scores.db`, for the server and for the runner; neither waits for the disk on an event loop. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { asFault, type ThreadAnswer, type ThreadRequest } from '../sqlite-telemetry/thread-messages.ts';
import { openForWriting, type Sqlite } from './scores-file.ts';
import { ScoresWriter } from './scores-writer.ts';
import type { RunnerJobs, ThreadData, WriterJobs } from './thread-messages.ts';

type Request = ThreadRequest<WriterJobs>;

const answerOn = <R extends { readonly id: number }>(
  port: Pick<MessagePort, 'postMessage'>,
  request: R,
  perform: (request: R) => unknown,
): void => {
  const say = (answer: ThreadAnswer): void => port.postMessage(answer);
  try {
    say({ id: request.id, answer: perform(request) });
  } catch (error) {
    say({ id: request.id, fault: asFault(error) });
  }
};

const connect = (writer: ScoresWriter, port: MessagePort): null => {
  port.on('message', (request: ThreadRequest<RunnerJobs>) =>
    answerOn(port, request, ({ job, ask }) => writer.serve(job, ask)),
  );
  return null;
};

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
    case 'connect':
      return connect(writer, request.ask.port);
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
    port.on('message', (request: Request) => answerOn(port, request, (asked) => perform(db, writer, asked)));
    if (quarantined !== undefined) say({ quarantined, why: 'the check at the start failed' });
    say({ opened: true, isChecked: true });
  } catch (error) {
    say({ opened: false, fault: asFault(error) });
  }
}
