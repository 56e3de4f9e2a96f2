/** The worker thread that writes `features.db`; the event loop of the server never waits for the disk. */
import { parentPort, workerData } from 'node:worker_threads';
import { takeBreaths } from '../../../give-way.ts';
import { asFault, type ThreadAnswer, type ThreadRequest } from '../sqlite-telemetry/thread-messages.ts';
import { openForWriting, type Sqlite } from './features-file.ts';
import { FeaturesWriter } from './features-writer.ts';
import type { WriterJobs, WriterThreadData } from './thread-messages.ts';

type Request = ThreadRequest<WriterJobs>;

const perform = (db: Sqlite, writer: FeaturesWriter, request: Request): unknown => {
  switch (request.job) {
    case 'register':
      return writer.register(request.ask.view, request.ask.slots);
    case 'put':
      return writer.put(request.ask.writes, request.ask.now);
    case 'applyLog':
      return writer.applyLog(request.ask);
    case 'applyWindows':
      return writer.applyWindows(request.ask);
    case 'beginImport':
      return writer.beginImport(request.ask.importId, request.ask.view, request.ask.now);
    case 'importRows':
      return writer.importRows(request.ask.part, request.ask.now);
    case 'endImport':
      return writer.endImport(request.ask.importId, request.ask.state, request.ask.now);
    case 'saveAudits':
      return writer.saveAudits(request.ask);
    case 'dropWindows':
      return writer.dropWindowsBefore(request.ask.before);
    case 'erase':
      return writer.erase(request.ask.viewNo, request.ask.entity);
    case 'close':
      db.close();
      return null;
  }
};

const port = parentPort;
if (port !== null) {
  takeBreaths();
  const say = (answer: ThreadAnswer): void => port.postMessage(answer);
  try {
    const { file, checkedAtOpenBytes } = workerData as WriterThreadData;
    const { db, quarantined, isChecked } = openForWriting(file, checkedAtOpenBytes, Date.now());
    const writer = new FeaturesWriter(db);
    port.on('message', (request: Request) => {
      try {
        say({ id: request.id, answer: perform(db, writer, request) });
      } catch (error) {
        say({ id: request.id, fault: asFault(error) });
      }
    });
    if (quarantined !== undefined) say({ quarantined, why: 'the check at the start failed' });
    say({ opened: true, isChecked });
  } catch (error) {
    say({ opened: false, fault: asFault(error) });
  }
}
