/** The worker thread that answers reads of alerts, and runs rules over history before they are saved. */
import { parentPort, workerData } from 'node:worker_threads';
import { asFault, type ThreadAnswer, type ThreadRequest } from '../sqlite-telemetry/thread-messages.ts';
import { FollowedLog } from '../sqlite-windows/followed-log.ts';
import { previewRule } from './alert-preview.ts';
import { openForReading, type Sqlite } from './alerts-file.ts';
import { AlertsReads } from './alerts-reads.ts';
import { FollowedWindows } from './followed-windows.ts';
import type { ReaderJobs, ThreadData } from './thread-messages.ts';

type Request = ThreadRequest<ReaderJobs>;

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Opened {
  readonly db: Sqlite;
  readonly log: FollowedLog;
  readonly windows: FollowedWindows;
  readonly reads: AlertsReads;
}

const perform = ({ db, log, windows, reads }: Opened, request: Request): unknown => {
  switch (request.job) {
    case 'alerts':
      return reads.alerts(request.ask);
    case 'alert':
      return reads.alert(request.ask.alertId) ?? null;
    case 'silences':
      return reads.silences(request.ask.now);
    case 'status':
      return reads.status(request.ask.rule) ?? null;
    case 'preview': {
      const { preview, devices, now } = request.ask;
      return previewRule(preview, { log, windows, devices, now, breathe });
    }
    case 'close':
      windows.close();
      log.close();
      db.close();
      return null;
  }
};

const port = parentPort;
if (port !== null) {
  const say = (answer: ThreadAnswer): void => port.postMessage(answer);
  const { file, logFile, windowsFile } = workerData as ThreadData;
  const db = openForReading(file);
  const [log, windows] = [new FollowedLog(logFile), new FollowedWindows(windowsFile)];
  const opened = { db, log, windows, reads: new AlertsReads(db) };
  const handle = async (request: Request): Promise<void> => {
    try {
      say({ id: request.id, answer: await perform(opened, request) });
    } catch (error) {
      say({ id: request.id, fault: asFault(error) });
    }
  };
  port.on('message', (request: Request) => void handle(request));
  say({ opened: true, isChecked: true });
}
