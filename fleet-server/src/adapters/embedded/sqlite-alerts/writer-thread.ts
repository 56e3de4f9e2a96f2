/** The worker thread that runs rules of alerts and writes `alerts.db`; the event loop of the server does neither. */
import { parentPort, workerData } from 'node:worker_threads';
import { follow } from '../../../give-way.ts';
import { asFault, type ThreadAnswer, type ThreadRequest } from '../sqlite-telemetry/thread-messages.ts';
import { FollowedLog } from '../sqlite-windows/followed-log.ts';
import { openForWriting, type Sqlite } from './alerts-file.ts';
import { AlertsReads } from './alerts-reads.ts';
import { AlertsWriter } from './alerts-writer.ts';
import { FollowedWindows } from './followed-windows.ts';
import type { ThreadData, WriterJobs } from './thread-messages.ts';

type Request = ThreadRequest<WriterJobs>;

interface Opened {
  readonly db: Sqlite;
  readonly log: FollowedLog;
  readonly windows: FollowedWindows;
  readonly writer: AlertsWriter;
  readonly reads: AlertsReads;
}

const MS_PER_SECOND = 1_000;

const perform = ({ db, log, windows, writer, reads }: Opened, request: Request): unknown => {
  switch (request.job) {
    case 'adopt':
      return writer.adopt(request.ask.rules, request.ask.now);
    case 'define':
      return writer.define(request.ask.rule, request.ask.now);
    case 'drop':
      return writer.drop(request.ask.name, request.ask.now);
    case 'setDevices':
      return writer.setDevices(request.ask.devices, request.ask.now);
    case 'step': {
      const startedAt = performance.now();
      const step = writer.step(request.ask.now, request.ask.records);
      return { ...step, seconds: (performance.now() - startedAt) / MS_PER_SECOND };
    }
    case 'firing':
      return reads.alerts({ state: 'firing', ...request.ask });
    case 'changes':
      return reads.changes(request.ask.afterChange, request.ask.limit);
    case 'intents':
      return reads.intents(request.ask.limit);
    case 'handedOn':
      return writer.handedOn(request.ask.upToIntent);
    case 'act':
      return writer.act(request.ask.deed, request.ask.now);
    case 'silence':
      return writer.silence(request.ask.silence);
    case 'endSilence':
      return writer.endSilence(request.ask.silenceId);
    case 'trim':
      return writer.trim(request.ask.before, request.ask.limit);
    case 'close':
      windows.close();
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
    const { file, logFile, windowsFile } = workerData as ThreadData;
    const { db, quarantined } = openForWriting(file, Date.now());
    const [log, windows] = [new FollowedLog(logFile), new FollowedWindows(windowsFile)];
    const opened = { db, log, windows, writer: new AlertsWriter(db, log, windows), reads: new AlertsReads(db) };
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
