/** The worker thread that reads the telemetry log and writes `windows.db`; the event loop of the server does neither. */
import { parentPort, workerData } from 'node:worker_threads';
import { follow } from '../../../give-way.ts';
import { asFault, type ThreadAnswer, type ThreadRequest } from '../sqlite-telemetry/thread-messages.ts';
import { FollowedLog } from './followed-log.ts';
import type { ThreadData, WriterJobs } from './thread-messages.ts';
import { openForWriting, type Sqlite } from './windows-file.ts';
import { WindowsWriter } from './windows-writer.ts';

type Request = ThreadRequest<WriterJobs>;

interface Opened {
  readonly db: Sqlite;
  readonly log: FollowedLog;
  readonly writer: WindowsWriter;
}

const MS_PER_SECOND = 1_000;

const perform = ({ db, log, writer }: Opened, request: Request): unknown => {
  switch (request.job) {
    case 'adopt':
      return writer.adopt(request.ask.definitions, request.ask.now);
    case 'define':
      return writer.define(request.ask.definition, request.ask.now);
    case 'drop':
      return writer.drop(request.ask.stream);
    case 'erase':
      return writer.erase(request.ask.deviceId);
    case 'setLabels':
      return writer.setLabels(request.ask);
    case 'keep':
      return writer.keep(request.ask);
    case 'step': {
      const startedAt = performance.now();
      const step = writer.step(request.ask.now, request.ask.records);
      return { ...step, seconds: (performance.now() - startedAt) / MS_PER_SECOND };
    }
    case 'trim':
      return writer.trim(request.ask.now);
    case 'close':
      log.close();
      db.close();
      return null;
  }
};

const port = parentPort;
if (port !== null) {
  follow();
  const say = (answer: ThreadAnswer): void => port.postMessage(answer);
  try {
    const { file, logFile } = workerData as ThreadData;
    const { db, quarantined } = openForWriting(file, Date.now());
    const log = new FollowedLog(logFile);
    const opened = { db, log, writer: new WindowsWriter(db, log) };
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
