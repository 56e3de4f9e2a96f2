/** The score store on SQLite: one file, one thread that writes, one that reads, and point reads where they are asked. */
import type { Page, QuarantinedRow } from '@shoal/protocol';
import type { Logger } from 'pino';
import { FLEET_ERRORS, FleetError } from '../../../errors.ts';
import type { Metrics } from '../../../ports/metrics.ts';
import type {
  BackfillChange,
  BackfillDay,
  BackfillEnd,
  BackfillQuery,
  NewBackfill,
  StoredBackfill,
} from '../../../ports/backfills.ts';
import type { DigestQuery, RunDigest } from '../../../ports/run-digest.ts';
import {
  ScoreStore,
  type BulkScores,
  type EntityScore,
  type ExportFormat,
  type NewRun,
  type PointerMove,
  type PublishedRun,
  type RunChange,
  type RunNote,
  type RunQuery,
  type StoredRun,
} from '../../../ports/score-store.ts';
import { ThreadLink } from '../sqlite-telemetry/thread-link.ts';
import { asStoreError, codeOf } from '../store-errors.ts';
import { ScoreReads } from './score-reads.ts';
import { openForReading, type Sqlite } from './scores-file.ts';
import type { ReaderJobs, ThreadData, WriterJobs } from './thread-messages.ts';

interface Collaborators {
  readonly metrics: Metrics;
  readonly log: Logger;
}

const fromSource = import.meta.url.endsWith('.ts');
const entry = (name: string): URL => new URL(`./${name}${fromSource ? '.ts' : '.js'}`, import.meta.url);

export class SqliteScoreStore extends ScoreStore {
  readonly #data: ThreadData;
  readonly #metrics: Metrics;
  readonly #writer: ThreadLink<WriterJobs>;
  readonly #reader: ThreadLink<ReaderJobs>;
  #starting: Promise<void> | undefined;
  #here: { readonly db: Sqlite; readonly reads: ScoreReads } | undefined;

  constructor(data: ThreadData, { metrics, log }: Collaborators) {
    super();
    this.#data = data;
    this.#metrics = metrics;
    const onQuarantine = (quarantined: string, why: string): void => {
      metrics.count('storage_quarantined_total');
      log.error({ code: 'SCORE_STORE_CORRUPT', quarantined, why }, FLEET_ERRORS.SCORE_STORE_CORRUPT.description);
    };
    // What a thread was asked is answered with an error; the next question starts another.
    const onDeath = (error: Error): void => log.error({ err: error }, 'a thread of the score store ended');
    this.#writer = new ThreadLink(entry('writer-thread'), { onQuarantine, onDeath });
    this.#reader = new ThreadLink(entry('reader-thread'), { onQuarantine, onDeath });
    this.#reader.prepare(data);
  }

  /** Takes back what a killed predecessor had taken up. @throws FleetError SCORE_STORE_UNAVAILABLE | SCORE_STORE_VERSION_UNKNOWN */
  async start(): Promise<void> {
    try {
      await this.#open();
    } catch (cause) {
      await this.stop();
      const message = cause instanceof Error ? cause.message : String(cause);
      const isNewer = codeOf(cause) === 'UnknownVersionError';
      const code = isNewer ? 'SCORE_STORE_VERSION_UNKNOWN' : 'SCORE_STORE_UNAVAILABLE';
      throw new FleetError(code, `Cannot open the score store ${this.#data.file}: ${message}.`, { cause });
    }
  }

  /** The readers first: a read-only connection that closes last would leave the log behind. */
  async stop(): Promise<void> {
    await this.#reader.stop();
    this.#here?.db.close();
    this.#here = undefined;
    await this.#writer.stop();
  }

  override submit(run: NewRun): Promise<StoredRun> {
    return this.#write('submit', run);
  }

  override async takeUp(now: number): Promise<StoredRun | undefined> {
    return (await this.#write('takeUp', { now })) ?? undefined;
  }

  override async note(note: RunNote): Promise<RunChange | undefined> {
    return (await this.#write('note', note)) ?? undefined;
  }

  override async publish(runId: string, now: number, pointer: PointerMove): Promise<RunChange | undefined> {
    return (await this.#write('publish', { runId, now, pointer })) ?? undefined;
  }

  override submitBackfill(backfill: NewBackfill): Promise<StoredBackfill> {
    return this.#write('submitBackfill', backfill);
  }

  override async nextBackfillDay(now: number): Promise<BackfillDay | undefined> {
    return (await this.#write('nextBackfillDay', { now })) ?? undefined;
  }

  override async endBackfill(end: BackfillEnd): Promise<BackfillChange | undefined> {
    return (await this.#write('endBackfill', end)) ?? undefined;
  }

  override async findBackfill(backfillId: string): Promise<StoredBackfill | undefined> {
    return (await this.#read('findBackfill', { backfillId })) ?? undefined;
  }

  override listBackfills(query: BackfillQuery): Promise<Page<StoredBackfill>> {
    return this.#read('listBackfills', query);
  }

  override trim(): Promise<boolean> {
    return this.#write('trim', null);
  }

  override async dropJob(job: string): Promise<void> {
    await this.#write('dropJob', { job });
  }

  override async find(runId: string): Promise<StoredRun | undefined> {
    return (await this.#read('find', { runId })) ?? undefined;
  }

  override list(query: RunQuery): Promise<Page<StoredRun>> {
    return this.#read('list', query);
  }

  override async previous(job: string): Promise<StoredRun | undefined> {
    return (await this.#read('previous', { job })) ?? undefined;
  }

  override async lastComplete(job: string): Promise<StoredRun | undefined> {
    return (await this.#read('lastComplete', { job })) ?? undefined;
  }

  override published(job: string): PublishedRun | undefined {
    return this.#readHere((reads) => reads.published(job));
  }

  override score(job: string, entity: string): EntityScore | undefined {
    return this.#readHere((reads) => reads.score(job, entity));
  }

  override async scores(job: string, entities: readonly string[]): Promise<BulkScores | undefined> {
    return (await this.#read('scores', { job, entities })) ?? undefined;
  }

  override history(job: string, entity: string): Promise<readonly EntityScore[]> {
    return this.#read('history', { job, entity });
  }

  override async readable(job: string, runId: string): Promise<PublishedRun | undefined> {
    return (await this.#read('readable', { job, runId })) ?? undefined;
  }

  override quarantine(runId: string, limit: number, cursor: string | undefined): Promise<Page<QuarantinedRow>> {
    return this.#read('quarantine', { runId, limit, cursor });
  }

  override async *export(run: PublishedRun, format: ExportFormat): AsyncGenerator<Uint8Array> {
    const exportNo = await this.#read('openExport', { run, format });
    try {
      for (;;) {
        const part = await this.#read('exportPart', { exportNo });
        if (part === null) return;
        yield part;
      }
    } finally {
      await this.#read('closeExport', { exportNo });
    }
  }

  override async digest(query: DigestQuery): Promise<RunDigest> {
    const digestNo = await this.#read('openDigest', query);
    try {
      for (;;) {
        const digest = await this.#read('digestPart', { digestNo });
        if (digest !== null) return digest;
      }
    } finally {
      await this.#read('closeDigest', { digestNo });
    }
  }

  /** A writer that is started anew takes back what was taken up: a run that goes on all the same finds its lease gone. */
  #open(): Promise<void> {
    this.#starting ??= this.#begin().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #begin(): Promise<void> {
    await this.#writer.start(this.#data);
    this.#metrics.count('scoring_runs_taken_back_total', await this.#writer.ask('takeBack', null));
    if (this.#here !== undefined) return;
    const db = openForReading(this.#data.file);
    this.#here = { db, reads: new ScoreReads(db) };
  }

  async #write<K extends keyof WriterJobs>(job: K, ask: WriterJobs[K]['ask']): Promise<WriterJobs[K]['answer']> {
    try {
      if (!this.#writer.isRunning || this.#starting !== undefined) await this.#open();
      return await this.#writer.ask(job, ask);
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  async #read<K extends keyof ReaderJobs>(job: K, ask: ReaderJobs[K]['ask']): Promise<ReaderJobs[K]['answer']> {
    try {
      if (!this.#reader.isRunning) await this.#reader.start();
      return await this.#reader.ask(job, ask);
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  #readHere<T>(read: (reads: ScoreReads) => T): T {
    try {
      if (this.#here === undefined) throw new Error('the file is not open');
      return read(this.#here.reads);
    } catch (cause) {
      throw unavailable(cause);
    }
  }
}

const unavailable = (cause: unknown): FleetError => asStoreError('SCORE_STORE_UNAVAILABLE', 'The score store', cause);
