/** The worker thread that scores a run: at low priority, and with an engine process that inherits it. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parentPort, workerData } from 'node:worker_threads';
import { giveWay } from '../give-way.ts';
import { openForReading as openFeatures } from '../sqlite-features/features-file.ts';
import { openForReading as openScores } from '../sqlite-scores/scores-file.ts';
import { asFault, type ThreadAnswer, type ThreadRequest } from '../sqlite-telemetry/thread-messages.ts';
import { BatchEngine } from './batch-engine.ts';
import { viewSource, type SourceFiles } from './entity-source.ts';
import { LedgerLink } from './ledger-link.ts';
import { parquetRowCount } from './parquet-rows.ts';
import { ScoringRun } from './scoring-run.ts';
import type { RunnerThreadData, RunnerThreadJobs } from './thread-messages.ts';

type Request = ThreadRequest<RunnerThreadJobs>;

const linesOf = async (path: string): Promise<number> => {
  let lines = 0;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity }))
    lines += line.trim() === '' ? 0 : 1;
  return lines;
};

const rowsOf = async (path: string): Promise<number> => {
  const handle = await open(path);
  try {
    return await parquetRowCount(handle);
  } finally {
    await handle.close();
  }
};

class RunnerThread {
  readonly #data: RunnerThreadData;
  readonly #files: SourceFiles;
  readonly #stop = new AbortController();
  #ledger: LedgerLink | undefined;
  #running: Promise<unknown> = Promise.resolve();

  constructor(data: RunnerThreadData) {
    this.#data = data;
    this.#files = { features: openFeatures(data.featuresFile), scores: openScores(data.scoresFile) };
  }

  async perform(request: Request): Promise<unknown> {
    switch (request.job) {
      case 'connect':
        this.#ledger = new LedgerLink(request.ask.port);
        return null;
      case 'run': {
        const running = this.#run(request.ask);
        this.#running = running.catch(() => undefined);
        return running;
      }
      case 'count':
        return this.#count(request.ask);
      case 'close':
        return this.#close();
    }
  }

  async #run(order: RunnerThreadJobs['run']['ask']): Promise<RunnerThreadJobs['run']['answer']> {
    if (this.#ledger === undefined) throw new Error('the thread that writes scores is not connected');
    const run = new ScoringRun(order, {
      files: this.#files,
      ledger: this.#ledger,
      openEngine: () => BatchEngine.open(order.bundleFolder, order.modelDigest, order.columns, this.#data.version),
      stop: this.#stop.signal,
      now: () => Date.now(),
    });
    return run.execute();
  }

  /** Of a CSV file the header is no entity, and a Parquet file says it itself. */
  async #count(origin: RunnerThreadJobs['count']['ask']): Promise<number> {
    if (origin.kind === 'view') return viewSource(this.#files.features, origin.viewNo).partitions(1_000_000).expected;
    if (origin.format === 'parquet') return rowsOf(origin.path);
    return Math.max(0, (await linesOf(origin.path)) - (origin.format === 'csv' ? 1 : 0));
  }

  async #close(): Promise<null> {
    this.#stop.abort();
    await this.#running;
    this.#ledger?.close();
    this.#files.features.close();
    this.#files.scores.close();
    return null;
  }
}

const port = parentPort;
if (port !== null) {
  const say = (answer: ThreadAnswer): void => port.postMessage(answer);
  const data = workerData as RunnerThreadData;
  giveWay(data.niceness);
  const thread = new RunnerThread(data);
  port.on('message', (request: Request) => {
    thread.perform(request).then(
      (answer) => say({ id: request.id, answer }),
      (error: unknown) => say({ id: request.id, fault: asFault(error) }),
    );
  });
  say({ opened: true, isChecked: true });
}
