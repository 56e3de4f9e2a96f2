/** The feature store on SQLite: one file, one writing thread, one reading thread, and point reads where they are asked. */
import type { Statement } from 'better-sqlite3';
import type { FeatureImport, Page, RejectedRow, SkewAudit } from '@shoal/protocol';
import type { Logger } from 'pino';
import { GroupCommit } from '../../../db/group-commit.ts';
import { FLEET_ERRORS, FleetError } from '../../../errors.ts';
import { asStoreError, codeOf } from '../store-errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import {
  FeatureStore,
  type AsOfQuery,
  type FeatureHistoryQuery,
  type ImportPart,
  type LogEffects,
  type PageOptions,
  type PushedOutcome,
  type PushedWrite,
  type RegisteredView,
  type SettledAudit,
  type SlotHistory,
  type SlotSpec,
  type StoredEntity,
  type WindowEffects,
} from '../../../ports/feature-store.ts';
import { buffersOf } from '../../../ports/log-columns.ts';
import type { Metrics } from '../../../ports/metrics.ts';
import { LateCheck } from '../sqlite-telemetry/late-check.ts';
import { STREAM_YOUNG_MB, ThreadLink } from '../sqlite-telemetry/thread-link.ts';
import { asNumbers, readState } from './entity-state.ts';
import { openForReading, suspect, type Sqlite } from './features-file.ts';
import { HeldStates } from './held-states.ts';
import type { ReaderJobs, WriterJobs } from './thread-messages.ts';

interface Collaborators {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export interface FeatureFileOptions {
  readonly file: string;
  /** Of states held in memory. */
  readonly cachedBytes: number;
  /** A larger file is checked beside the running server. */
  readonly checkedAtOpenBytes: number;
}

/** Of what a write says something. */
interface Named {
  readonly viewNo: number;
  readonly entity: string;
}

interface Waiting {
  readonly write: PushedWrite;
  outcome?: PushedOutcome | undefined;
}

/** Writes of one commit. */
const WRITES_PER_COMMIT = 1_000;
const fromSource = import.meta.url.endsWith('.ts');
const entry = (name: string): URL => new URL(`./${name}${fromSource ? '.ts' : '.js'}`, import.meta.url);

export class SqliteFeatureStore extends FeatureStore {
  readonly #options: FeatureFileOptions;
  readonly #with: Collaborators;
  readonly #writer: ThreadLink<WriterJobs>;
  readonly #reader: ThreadLink<ReaderJobs>;
  readonly #puts: GroupCommit<Waiting>;
  readonly #held: HeldStates;
  readonly #lateCheck: LateCheck;
  #db: Sqlite | undefined;
  #find: Statement<[number, string], Buffer> | undefined;

  constructor(options: FeatureFileOptions, collaborators: Collaborators) {
    super();
    this.#options = options;
    this.#with = collaborators;
    this.#held = new HeldStates(options.cachedBytes);
    const { log, metrics } = collaborators;
    const onQuarantine = (quarantined: string, why: string): void => {
      metrics.count('storage_quarantined_total');
      log.error({ code: 'FEATURE_STORE_CORRUPT', quarantined, why }, FLEET_ERRORS.FEATURE_STORE_CORRUPT.description);
    };
    // What a thread was asked is answered with an error; the next question starts another.
    const onDeath = (error: Error): void => log.error({ err: error }, 'a thread of the feature store ended');
    this.#writer = new ThreadLink(entry('writer-thread'), { onQuarantine, onDeath, youngMb: STREAM_YOUNG_MB });
    this.#reader = new ThreadLink(entry('reader-thread'), { onQuarantine, onDeath, youngMb: STREAM_YOUNG_MB });
    const subject = { what: 'feature file', gauge: 'feature_check_running' };
    this.#lateCheck = new LateCheck({ metrics, log }, subject, () => suspect(options.file));
    this.#puts = new GroupCommit((waiting) => this.#commit(waiting), WRITES_PER_COMMIT);
  }

  /** @throws FleetError FEATURE_STORE_UNAVAILABLE | FEATURE_STORE_VERSION_UNKNOWN */
  async start(): Promise<void> {
    const { file, checkedAtOpenBytes } = this.#options;
    try {
      const isChecked = await this.#writer.start({ file, checkedAtOpenBytes });
      // Not before somebody asks: a thread takes half a second and 40 MB.
      this.#reader.prepare({ file });
      this.#db = openForReading(file);
      this.#find = this.#db
        .prepare<[number, string], Buffer>('SELECT state FROM entities WHERE view_no = ? AND entity = ?')
        .pluck() as Statement<[number, string], Buffer>;
      if (!isChecked) this.#lateCheck.start(file);
    } catch (cause) {
      await this.stop();
      const message = cause instanceof Error ? cause.message : String(cause);
      const isNewer = codeOf(cause) === 'UnknownVersionError';
      const code = isNewer ? 'FEATURE_STORE_VERSION_UNKNOWN' : 'FEATURE_STORE_UNAVAILABLE';
      throw new FleetError(code, `Cannot open the feature file ${file}: ${message}.`, { cause });
    }
  }

  /** Readers first: a read-only connection that closes last would leave the log behind. */
  async stop(): Promise<void> {
    await this.#puts.idle();
    await this.#lateCheck.stop();
    this.#db?.close();
    await this.#reader.stop();
    await this.#writer.stop();
  }

  override read(viewNo: number, entity: string): StoredEntity | undefined {
    const held = this.#held.get(viewNo, entity, readState);
    if (held !== undefined) return held;
    try {
      const state = this.#find?.get(viewNo, entity);
      if (state === undefined) return undefined;
      const numbers = asNumbers(state);
      this.#held.hold(viewNo, entity, numbers);
      return readState(numbers, 0, numbers.length);
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  override register(view: string, slots: readonly SlotSpec[]): Promise<RegisteredView> {
    return this.#ask(this.#writer, 'register', { view, slots });
  }

  override async put(write: PushedWrite): Promise<PushedOutcome> {
    const waiting: Waiting = { write };
    await this.#puts.submit(waiting);
    if (waiting.outcome === undefined) throw unavailable(new Error('the write was not answered'));
    return waiting.outcome;
  }

  override async applyLog(effects: LogEffects): Promise<{ applied: number; tooLate: number }> {
    const { slots, said } = effects;
    const viewNos = [...new Set(slots.map(({ viewNo }) => viewNo))];
    const about = viewNos.flatMap((viewNo) => said.devices.map((entity) => ({ viewNo, entity })));
    return this.#write(about, 'applyLog', effects, buffersOf(said));
  }

  override async applyWindows(effects: WindowEffects): Promise<{ applied: number; tooLate: number }> {
    return this.#write(effects.values, 'applyWindows', effects);
  }

  override beginImport(importId: string, view: string): Promise<boolean> {
    return this.#ask(this.#writer, 'beginImport', { importId, view, now: this.#now() });
  }

  override async importRows(part: ImportPart): Promise<void> {
    await this.#write(part.writes, 'importRows', { part, now: this.#now() });
  }

  override async endImport(importId: string, state: 'completed' | 'interrupted'): Promise<FeatureImport> {
    await this.#ask(this.#writer, 'endImport', { importId, state, now: this.#now() });
    const ended = await this.findImport(importId);
    if (ended === undefined) throw unavailable(new Error(`import ${importId} is gone`));
    return ended;
  }

  override async saveAudits(audits: readonly SettledAudit[]): Promise<void> {
    await this.#ask(this.#writer, 'saveAudits', audits);
  }

  override async dropWindowsBefore(createdAt: number): Promise<number> {
    let dropped = 0;
    for (;;) {
      const step = await this.#ask(this.#writer, 'dropWindows', { before: createdAt });
      if (step === 0) return dropped;
      dropped += step;
    }
  }

  override async erase(viewNos: readonly number[], entity: string): Promise<void> {
    const named = viewNos.map((viewNo) => ({ viewNo, entity }));
    for (const { viewNo } of named) while (!(await this.#write(named, 'erase', { viewNo, entity })));
  }

  override readAsOf(query: AsOfQuery): Promise<StoredEntity> {
    return this.#ask(this.#reader, 'asOf', query);
  }

  override history(query: FeatureHistoryQuery): Promise<Page<SlotHistory>> {
    return this.#ask(this.#reader, 'history', query);
  }

  override async findImport(importId: string): Promise<FeatureImport | undefined> {
    return (await this.#ask(this.#reader, 'findImport', { importId })) ?? undefined;
  }

  override listImports(page: PageOptions): Promise<Page<FeatureImport>> {
    return this.#ask(this.#reader, 'imports', page);
  }

  override listRejected(importId: string, page: PageOptions): Promise<Page<RejectedRow>> {
    return this.#ask(this.#reader, 'rejected', { ...page, importId });
  }

  override listAudits(
    page: PageOptions & { result: string | undefined; view: string | undefined },
  ): Promise<Page<SkewAudit>> {
    return this.#ask(this.#reader, 'audits', page);
  }

  async #commit(waiting: readonly Waiting[]): Promise<void> {
    const writes = waiting.map(({ write }) => write);
    const outcomes = await this.#write(writes, 'put', { writes, now: this.#now() });
    for (const [index, each] of waiting.entries()) each.outcome = outcomes[index];
  }

  /** Nothing that is held outlives the answer to what replaced it; without an answer nobody knows what was written. */
  async #write<K extends keyof WriterJobs>(
    about: readonly Named[],
    job: K,
    ask: WriterJobs[K]['ask'],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<WriterJobs[K]['answer']> {
    try {
      const answer = await this.#ask(this.#writer, job, ask, transfer);
      for (const { viewNo, entity } of about) this.#held.forget(viewNo, entity);
      return answer;
    } catch (error) {
      this.#held.clear();
      throw error;
    }
  }

  async #ask<J extends { [K in keyof J]: { ask: unknown; answer: unknown } }, K extends keyof J>(
    link: ThreadLink<J>,
    job: K,
    ask: J[K]['ask'],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<J[K]['answer']> {
    try {
      if (!link.isRunning) await link.start();
      return await link.ask(job, ask, transfer);
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  #now(): number {
    return this.#with.clock.now();
  }
}

const unavailable = (cause: unknown): FleetError =>
  asStoreError('FEATURE_STORE_UNAVAILABLE', 'The feature store', cause);
