/** The worker thread that answers what is no point read of a score: runs, bulk reads, history, files. */
import { parentPort, workerData } from 'node:worker_threads';
import { asFault, type ThreadAnswer, type ThreadRequest } from '../sqlite-telemetry/thread-messages.ts';
import { BackfillReads } from './backfill-reads.ts';
import { RunDigests } from './run-digest.ts';
import { RunReads } from './run-reads.ts';
import { ScoreExports } from './score-exports.ts';
import { ScoreReads } from './score-reads.ts';
import { openForReading, type Sqlite } from './scores-file.ts';
import type { ReaderJobs, ThreadData } from './thread-messages.ts';

type Request = ThreadRequest<ReaderJobs>;

interface Readers {
  readonly db: Sqlite;
  readonly runs: RunReads;
  readonly backfills: BackfillReads;
  readonly scores: ScoreReads;
  readonly exports: ScoreExports;
  readonly digests: RunDigests;
}

const perform = ({ db, runs, backfills, scores, exports, digests }: Readers, { job, ask }: Request): unknown => {
  switch (job) {
    case 'find':
      return runs.find(ask.runId);
    case 'list':
      return runs.list(ask);
    case 'findBackfill':
      return backfills.find(ask.backfillId);
    case 'listBackfills':
      return backfills.list(ask);
    case 'previous':
      return runs.previous(ask.job);
    case 'lastComplete':
      return runs.lastComplete(ask.job);
    case 'readable':
      return runs.readable(ask.job, ask.runId);
    case 'quarantine':
      return runs.quarantine(ask.runId, ask.limit, ask.cursor);
    case 'scores':
      return scores.scores(ask.job, ask.entities);
    case 'history':
      return scores.history(ask.job, ask.entity);
    case 'openExport':
      return exports.open(ask.run, ask.format);
    case 'exportPart':
      return exports.part(ask.exportNo);
    case 'closeExport':
      return exports.close(ask.exportNo);
    case 'openDigest':
      return digests.open(ask);
    case 'digestPart':
      return digests.part(ask.digestNo);
    case 'closeDigest':
      return digests.close(ask.digestNo);
    case 'close':
      db.close();
      return null;
  }
};

const port = parentPort;
if (port !== null) {
  const say = (answer: ThreadAnswer): void => port.postMessage(answer);
  const db = openForReading((workerData as ThreadData).file);
  const readers: Readers = {
    db,
    runs: new RunReads(db),
    backfills: new BackfillReads(db),
    scores: new ScoreReads(db),
    exports: new ScoreExports(db),
    digests: new RunDigests(db),
  };
  port.on('message', (request: Request) => {
    try {
      say({ id: request.id, answer: perform(readers, request) });
    } catch (error) {
      say({ id: request.id, fault: asFault(error) });
    }
  });
  say({ opened: true, isChecked: true });
}
