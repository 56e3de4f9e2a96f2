/**
 * The process that goes through one run and ends. It writes the scores itself, so that a run neither passes through the server's event
 * loop nor grows its memory, and the server's threads never wait for a lock of one that steps back.
 */
import { openForReading as openFeatures } from '../sqlite-features/features-file.ts';
import { ChunkLedger } from '../sqlite-scores/chunk-ledger.ts';
import { openForRun } from '../sqlite-scores/scores-file.ts';
import { asFault } from '../sqlite-telemetry/thread-messages.ts';
import type { RunEnd } from '../../../ports/score-runner.ts';
import { BatchEngine } from './batch-engine.ts';
import type { RunnerErrand, RunnerReport } from './process-messages.ts';
import { ScoringRun } from './scoring-run.ts';

/** Entities are read in order, each page once. */
const SCAN_CACHE_KB = 512;

const perform = async (
  { order, version, featuresFile, scoresFile }: RunnerErrand,
  stop: AbortSignal,
): Promise<RunEnd> => {
  const files = { features: openFeatures(featuresFile, SCAN_CACHE_KB), scores: openForRun(scoresFile) };
  try {
    const { bundleFolder, modelDigest, columns } = order;
    const run = new ScoringRun(order, {
      files,
      ledger: new ChunkLedger(files.scores),
      openEngine: () => BatchEngine.open(bundleFolder, modelDigest, columns, version),
      stop,
      now: () => Date.now(),
    });
    return await run.execute();
  } finally {
    files.features.close();
    files.scores.close();
  }
};

const report = (said: RunnerReport): void => {
  process.send?.(said, () => process.disconnect());
};

// A terminal and a service manager signal everybody; it is the server that says when this ends.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
// The server is gone, or was told all there is. Its engine ends with it.
process.on('disconnect', () => process.exit());
const stop = new AbortController();
process.once('message', (errand) => {
  process.once('message', () => stop.abort());
  perform(errand as RunnerErrand, stop.signal).then(
    (end) => report({ end }),
    (error: unknown) => report({ fault: asFault(error) }),
  );
});
