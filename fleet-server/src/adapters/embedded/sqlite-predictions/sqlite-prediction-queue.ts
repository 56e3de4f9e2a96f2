/** The prediction queue on SQLite: one file, one thread that writes and one that reads; submissions share commits. */
import type { Page } from '@shoal/protocol';
import type { Logger } from 'pino';
import { GroupCommit } from '../../../db/group-commit.ts';
import { FLEET_ERRORS, FleetError } from '../../../errors.ts';
import type { Metrics } from '../../../ports/metrics.ts';
import {
  PredictionQueue,
  type NewTicket,
  type QueueTurn,
  type StoredTicket,
  type Submitted,
  type TicketChange,
  type TicketQuery,
  type TurnOutcome,
  type Untold,
} from '../../../ports/prediction-queue.ts';
import { asStoreError, codeOf } from '../store-errors.ts';
import { ThreadLink } from '../sqlite-telemetry/thread-link.ts';
import type { ReaderJobs, ThreadData, WriterJobs } from './thread-messages.ts';

interface Collaborators {
  readonly metrics: Metrics;
  readonly log: Logger;
}

interface Waiting {
  readonly ticket: NewTicket;
  outcome?: Submitted | undefined;
}

/** Tickets of one commit. */
const TICKETS_PER_COMMIT = 1_000;
const fromSource = import.meta.url.endsWith('.ts');
const entry = (name: string): URL => new URL(`./${name}${fromSource ? '.ts' : '.js'}`, import.meta.url);

export class SqlitePredictionQueue extends PredictionQueue {
  readonly #data: ThreadData;
  readonly #metrics: Metrics;
  readonly #writer: ThreadLink<WriterJobs>;
  readonly #reader: ThreadLink<ReaderJobs>;
  readonly #submissions: GroupCommit<Waiting>;
  #starting: Promise<void> | undefined;

  constructor(data: ThreadData, { metrics, log }: Collaborators) {
    super();
    this.#data = data;
    this.#metrics = metrics;
    const onQuarantine = (quarantined: string, why: string): void => {
      metrics.count('storage_quarantined_total');
      const { description } = FLEET_ERRORS.PREDICTION_QUEUE_CORRUPT;
      log.error({ code: 'PREDICTION_QUEUE_CORRUPT', quarantined, why }, description);
    };
    // What a thread was asked is answered with an error; the next question starts another.
    const onDeath = (error: Error): void => log.error({ err: error }, 'a thread of the prediction queue ended');
    this.#writer = new ThreadLink(entry('writer-thread'), { onQuarantine, onDeath });
    this.#reader = new ThreadLink(entry('reader-thread'), { onQuarantine, onDeath });
    this.#submissions = new GroupCommit((waiting) => this.#commit(waiting), TICKETS_PER_COMMIT);
  }

  /** Takes back what a killed predecessor held. @throws FleetError PREDICTION_QUEUE_UNAVAILABLE | PREDICTION_QUEUE_VERSION_UNKNOWN */
  async start(): Promise<void> {
    try {
      await this.#open();
      this.#reader.prepare(this.#data);
    } catch (cause) {
      await this.stop();
      const message = cause instanceof Error ? cause.message : String(cause);
      const isNewer = codeOf(cause) === 'UnknownVersionError';
      const code = isNewer ? 'PREDICTION_QUEUE_VERSION_UNKNOWN' : 'PREDICTION_QUEUE_UNAVAILABLE';
      throw new FleetError(code, `Cannot open the prediction queue ${this.#data.file}: ${message}.`, { cause });
    }
  }

  /** The reader first: a read-only connection that closes last would leave the log behind. */
  async stop(): Promise<void> {
    await this.#submissions.idle();
    await this.#reader.stop();
    await this.#writer.stop();
  }

  override async submit(ticket: NewTicket): Promise<Submitted> {
    const waiting: Waiting = { ticket };
    await this.#submissions.submit(waiting);
    if (waiting.outcome === undefined) throw unavailable(new Error('the ticket was not answered'));
    return waiting.outcome;
  }

  override turn(turn: QueueTurn): Promise<TurnOutcome> {
    return this.#write('turn', turn);
  }

  override async cancel(ticketId: string, now: number): Promise<TicketChange | undefined> {
    return (await this.#write('cancel', { ticketId, now })) ?? undefined;
  }

  override async retry(ticketId: string, now: number, expiresAt: number): Promise<TicketChange | undefined> {
    return (await this.#write('retry', { ticketId, now, expiresAt })) ?? undefined;
  }

  override untold(): Promise<readonly Untold[]> {
    return this.#write('untold', null);
  }

  override async told(intentIds: readonly string[]): Promise<void> {
    await this.#write('told', { intentIds });
  }

  override trim(finishedBefore: number): Promise<number> {
    return this.#write('trim', { finishedBefore });
  }

  override async find(ticketId: string): Promise<StoredTicket | undefined> {
    return (await this.#read('find', { ticketId })) ?? undefined;
  }

  override list(query: TicketQuery): Promise<Page<StoredTicket>> {
    return this.#read('list', query);
  }

  override async latest(model: string, version: string | undefined, entity: string): Promise<StoredTicket | undefined> {
    return (await this.#read('latest', { model, version, entity })) ?? undefined;
  }

  async #commit(waiting: readonly Waiting[]): Promise<void> {
    const outcomes = await this.#write(
      'submit',
      waiting.map(({ ticket }) => ticket),
    );
    for (const [index, each] of waiting.entries()) each.outcome = outcomes[index];
  }

  /** A writer that is started anew knows of no lease of the one before. */
  #open(): Promise<void> {
    this.#starting ??= this.#begin().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #begin(): Promise<void> {
    await this.#writer.start(this.#data);
    this.#metrics.count('prediction_leases_taken_back_total', await this.#writer.ask('takeBack', null));
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
}

const unavailable = (cause: unknown): FleetError =>
  asStoreError('PREDICTION_QUEUE_UNAVAILABLE', 'The prediction queue', cause);
