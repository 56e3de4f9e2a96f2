/** The worker thread that answers reads of windows, and runs definitions over history before they are saved. */
import { parentPort, workerData } from 'node:worker_threads';
import { takeBreaths } from '../../../give-way.ts';
import { asFault, type ThreadAnswer, type ThreadRequest } from '../sqlite-telemetry/thread-messages.ts';
import { dryRun } from './dry-run.ts';
import { FollowedLog } from './followed-log.ts';
import { readDefinitions, readPublications } from './publications-reads.ts';
import type { ReaderJobs, ThreadData } from './thread-messages.ts';
import { openForReading, type Sqlite } from './windows-file.ts';
import { WindowsReads } from './windows-reads.ts';

type Request = ThreadRequest<ReaderJobs>;

const letOthersIn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Opened {
  readonly db: Sqlite;
  readonly log: FollowedLog;
  readonly reads: WindowsReads;
}

const perform = ({ db, log, reads }: Opened, request: Request): unknown => {
  switch (request.job) {
    case 'windows':
      return reads.windows(request.ask);
    case 'status':
      return reads.status(request.ask.stream, log.head()) ?? null;
    case 'changes':
      return reads.changes(request.ask.afterChange, request.ask.limit);
    case 'publications':
      return readPublications(db, request.ask);
    case 'stored':
      return reads.stored(request.ask);
    case 'definitions':
      return readDefinitions(db, request.ask);
    case 'newest':
      return reads.newest(request.ask.stream, request.ask.afterKey, request.ask.limit);
    case 'preview':
      return dryRun(log, request.ask.preview, request.ask, letOthersIn);
    case 'close':
      log.close();
      db.close();
      return null;
  }
};

const port = parentPort;
if (port !== null) {
  takeBreaths();
  const say = (answer: ThreadAnswer): void => port.postMessage(answer);
  const { file, logFile } = workerData as ThreadData;
  const db = openForReading(file);
  const opened = { db, log: new FollowedLog(logFile), reads: new WindowsReads(db) };
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
