/** The telemetry store on SQLite: one file, one writing thread, one reading thread. */
import { stat } from 'node:fs/promises';
import type { DeadLetter, Page, ReceivedRanges, RecordKind, Series } from '@shoal/protocol';
import type { Logger } from 'pino';
import type { StorageConfig } from '../../../config-schema.ts';
import { FLEET_ERRORS, FleetError, type FleetErrorCode } from '../../../errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { MessageBus } from '../../../ports/message-bus.ts';
import type { Metrics } from '../../../ports/metrics.ts';
import {
  TelemetryStore,
  type AppendResult,
  type DeadLetterQuery,
  type HistoryQuery,
  type IncomingBatch,
  type LogQuery,
  type LogValues,
  type NewDeadLetter,
  type SeriesQuery,
  type StorageState,
  type StoredOf,
} from '../../../ports/telemetry-store.ts';
import { appendedOf } from './appended.ts';
import { Checkpointer } from './checkpointer.ts';
import { isCorruptCode } from './corruption.ts';
import { firstDayKept } from './day-table.ts';
import { LateCheck } from './late-check.ts';
import { packAppend } from './packed-append.ts';
import { STREAM_YOUNG_MB, ThreadLink, threadEntry } from './thread-link.ts';
import type { ReaderJobs, WriterJobs, WriterThreadData } from './thread-messages.ts';

interface Collaborators {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly bus: MessageBus;
  readonly log: Logger;
}

type Options = Omit<StorageConfig, 'retentionCheckMs'> & { readonly file: string };

const OK = { state: 'ok', why: null } as const;

export class SqliteTelemetryStore extends TelemetryStore {
  readonly #options: Options;
  readonly #with: Collaborators;
  readonly #writer: ThreadLink<WriterJobs>;
  readonly #reader: ThreadLink<ReaderJobs>;
  #state: { readonly state: 'ok' | 'refusing'; readonly why: string | null } = OK;
  #lastQuarantine: string | null = null;
  #probe: NodeJS.Timeout | undefined;
  readonly #lateCheck: LateCheck;
  readonly #checkpointer: Checkpointer;

  constructor(options: Options, collaborators: Collaborators) {
    super();
    this.#options = options;
    this.#with = collaborators;
    // The writer owns the file: it looks for itself whether it has to be set aside.
    const subject = { what: 'telemetry file', gauge: 'storage_check_running' };
    this.#lateCheck = new LateCheck(
      collaborators,
      subject,
      () => void this.#writer.ask('check', null).catch(() => undefined),
    );
    this.#checkpointer = new Checkpointer(options.file, () => this.#writer.ask('checkpoint', null), collaborators.log);
    const onQuarantine = (quarantined: string, why: string): void => this.#quarantined(quarantined, why);
    this.#writer = new ThreadLink<WriterJobs>(threadEntry('writer-thread'), {
      youngMb: STREAM_YOUNG_MB,
      onQuarantine,
      onDeath: (error) => this.#refuse(`the writing thread died: ${error.message}`),
    });
    this.#reader = new ThreadLink<ReaderJobs>(threadEntry('reader-thread'), {
      youngMb: STREAM_YOUNG_MB,
      onQuarantine,
      onDeath: (error) => this.#readerDied(error),
    });
  }

  /** @throws FleetError STORAGE_UNAVAILABLE | STORAGE_VERSION_UNKNOWN */
  async start(): Promise<void> {
    const { file, maxPages, checkedAtOpenBytes, deadLetterRows } = this.#options;
    const data: WriterThreadData = { file, maxPages, checkedAtOpenBytes, deadLetterRows };
    try {
      const isChecked = await this.#writer.start(data);
      await this.#reader.start({ file });
      if (!isChecked) this.#lateCheck.start(file);
    } catch (cause) {
      await this.#reader.stop();
      await this.#writer.stop();
      const message = cause instanceof Error ? cause.message : String(cause);
      const code = codeOf(cause) === 'UnknownVersionError' ? 'STORAGE_VERSION_UNKNOWN' : 'STORAGE_UNAVAILABLE';
      throw new FleetError(code, `Cannot open the telemetry file ${file}: ${message}.`, { cause });
    }
    this.#with.metrics.gauge('storage_refusing', 0);
  }

  /** The reader goes first: a read-only connection that closes last would leave the log behind. */
  async stop(): Promise<void> {
    clearInterval(this.#probe);
    await this.#lateCheck.stop();
    await this.#checkpointer.stop();
    await this.#reader.stop();
    await this.#writer.stop();
  }

  override async append(
    batches: readonly IncomingBatch[],
    deadLetters: readonly NewDeadLetter[],
    mayWait = false,
  ): Promise<AppendResult> {
    if (this.#state.state === 'refusing') throw unavailable(this.#state.why ?? 'unknown');
    const { packed, given } = packAppend(batches, deadLetters);
    try {
      const outcome = await this.#writer.ask('append', { packed, now: this.#with.clock.now(), mayWait }, given);
      this.#with.metrics.observe('commit_seconds', outcome.seconds);
      this.#with.metrics.observe('commit_rows', outcome.rows);
      const { batchId, duplicates, conflicts, fates, log } = outcome;
      this.#checkpointer.note(log, this.#with.clock.monotonic());
      return { batchId, appended: appendedOf(batches, fates), duplicates, conflicts };
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.#refuse(`${codeOf(cause)}: ${why}`);
      throw unavailable(why, cause);
    }
  }

  override highestSequence(deviceId: string, epoch: string): Promise<number> {
    return this.#read('highestSequence', { deviceId, epoch });
  }

  override ranges(deviceId: string): Promise<ReceivedRanges> {
    return this.#read('ranges', { deviceId });
  }

  override async history<K extends RecordKind>(query: HistoryQuery<K>): Promise<Page<StoredOf[K]>> {
    return (await this.#read('history', query)) as Page<StoredOf[K]>;
  }

  override series(query: SeriesQuery): Promise<Series> {
    return this.#read('series', query);
  }

  override deadLetters(query: DeadLetterQuery): Promise<Page<DeadLetter>> {
    return this.#read('deadLetters', query);
  }

  override readLog(query: LogQuery): Promise<LogValues> {
    return this.#read('readLog', query);
  }

  override totals(): Promise<{ records: number; duplicates: number; deadLetters: number }> {
    return this.#read('totals', null);
  }

  override async storageState(): Promise<StorageState> {
    const sizes = await Promise.all(['', '-wal'].map((suffix) => sizeOf(this.#options.file + suffix)));
    const sizeBytes = sizes.reduce((sum, size) => sum + size, 0);
    this.#with.metrics.gauge('storage_bytes', sizeBytes);
    return { ...this.#state, sizeBytes, quarantined: this.#lastQuarantine };
  }

  override async dropExpired(now: number): Promise<readonly string[]> {
    return this.#writer.ask('dropExpired', { firstKept: firstDayKept(now, this.#options.retentionDays) });
  }

  override async deleteDevice(deviceId: string): Promise<void> {
    await this.#writer.ask('deleteDevice', { deviceId });
  }

  async #read<K extends keyof ReaderJobs>(job: K, ask: ReaderJobs[K]['ask']): Promise<ReaderJobs[K]['answer']> {
    try {
      return await this.#reader.ask(job, ask);
    } catch (cause) {
      const code = codeOf(cause);
      const message = cause instanceof Error ? cause.message : String(cause);
      // The writer owns the file: it looks for itself whether it has to be set aside.
      if (isCorruptCode(code)) this.#writer.ask('check', null).catch(() => undefined);
      if (isFleetCode(code)) throw new FleetError(code, message, { cause });
      throw new FleetError('STORAGE_READ_FAILED', `Reading telemetry failed (${code}: ${message}).`, { cause });
    }
  }

  /** Until a probe succeeds nothing is accepted, so that devices keep what they have. */
  #refuse(why: string): void {
    if (this.#state.state === 'refusing') return;
    this.#state = { state: 'refusing', why };
    this.#with.metrics.gauge('storage_refusing', 1);
    this.#with.log.error({ code: 'STORAGE_UNAVAILABLE', why }, 'telemetry is refused until it can be stored');
    this.#with.bus.emit('storage.changed', this.#state);
    this.#probe = setInterval(() => void this.#tryAgain(), this.#options.probeMs);
    this.#probe.unref();
  }

  async #tryAgain(): Promise<void> {
    try {
      if (!this.#writer.isRunning) await this.#writer.start();
      await this.#writer.ask('probe', null);
    } catch {
      // Still refusing; the next probe tells.
      return;
    }
    if (this.#state.state === 'ok') return;
    clearInterval(this.#probe);
    this.#state = OK;
    this.#with.metrics.gauge('storage_refusing', 0);
    this.#with.log.warn('telemetry is stored again');
    this.#with.bus.emit('storage.changed', this.#state);
  }

  /** What it was asked is answered with an error; the next question finds a new thread. */
  #readerDied(error: Error): void {
    this.#with.log.error({ err: error }, 'the reading thread died; another is started');
    this.#reader.start().catch((cause: unknown) => this.#with.log.error({ err: cause }, 'no reading thread'));
  }

  #quarantined(quarantined: string, why: string): void {
    this.#lastQuarantine = quarantined;
    this.#with.metrics.count('storage_quarantined_total');
    this.#with.log.error(
      { code: 'STORAGE_CORRUPT', quarantined, why },
      'the telemetry file was corrupt: it was set aside and a fresh one was begun',
    );
    this.#reader.ask('reopen', null).catch(() => undefined);
  }
}

const unavailable = (why: string, cause?: unknown): FleetError =>
  new FleetError(
    'STORAGE_UNAVAILABLE',
    `Telemetry cannot be stored (${why}); nothing was. Free disk space, then wait.`,
    {
      cause,
    },
  );

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';

const isFleetCode = (code: string): code is FleetErrorCode => Object.hasOwn(FLEET_ERRORS, code);

const sizeOf = async (file: string): Promise<number> => (await stat(file).catch(() => ({ size: 0 }))).size;
