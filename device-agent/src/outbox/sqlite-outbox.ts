/** The outbox on SQLite: group commits by a thread of its own, so that a slow card never holds up sensors or network. */
import { PRIORITY_CLASSES, type PriorityClass } from '@shoal/protocol/wire';
import { AgentError } from '../errors.ts';
import { randomId, type Clock } from '../runtime.ts';
import { addDrops, dropEntries, mergeDrops, NO_DROPS } from './drop-counts.ts';
import type { OutboxBounds } from './eviction-policy.ts';
import { MemoryBuffer, type MemoryBounds } from './memory-buffer.ts';
import type { FileState, RecordToStore, WriterAnswer } from './outbox-messages.ts';
import type {
  Acknowledgement,
  DropCounts,
  KeyRange,
  NewRecord,
  Outbox,
  OutboxHealth,
  OutboxListener,
  OutboxState,
  ReadRequest,
  StoredRecord,
} from './outbox.port.ts';
import { WriterThread } from './writer-thread.ts';

export interface SqliteOutboxOptions {
  readonly file: string;
  readonly bounds: OutboxBounds;
  readonly memory: MemoryBounds;
  /** Longest time a record other than an alarm waits in memory for its commit: what a power cut can cost. */
  readonly commitWindowMs: number;
  /** Pause before a refused commit is tried again. */
  readonly retryMs: number;
  readonly clock: Clock;
  /** Device time by a clock that can be believed, else null: the age bound rests without one. */
  readonly trustedNow: () => number | null;
}

const MAX_RECORD_BYTES = 64 * 1_024;
const RECORDS_PER_COMMIT = 2_000;
/** What a row costs beside its content. */
const ROW_BYTES = 40;
/** `ready` holds sources back above this share of the memory bound. */
const HIGH_WATER = 0.5;
/** Above this share of either memory bound a commit does not wait for its window: what comes fast must not be given up. */
const EARLY_COMMIT = 0.25;

const NO_CLASS = { alarm: 0, prediction: 0, reading: 0, debug: 0 } as const;
/** Without a file the device has an epoch all the same, or the fleet would not take its birth; the file brings its own. */
const noFile = (): FileState => ({
  epoch: randomId(),
  lastSequence: 0,
  depthByClass: NO_CLASS,
  highestByClass: NO_CLASS,
  sizeBytes: 0,
  dropped: NO_DROPS,
});

export class SqliteOutbox implements Outbox {
  readonly #options: SqliteOutboxOptions;
  readonly #thread: WriterThread;
  readonly #buffer: MemoryBuffer;
  readonly #listeners: OutboxListener[] = [];
  #file = noFile();
  #health: OutboxHealth = 'ok';
  #acknowledged: Acknowledgement[] = [];
  /** In the commit that runs. */
  #committingAcknowledged: readonly Acknowledgement[] = [];
  /** Lost in memory, and not yet counted in the file. */
  #uncounted: DropCounts = NO_DROPS;
  #committingRecords = 0;
  #committing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerDueAt = Infinity;
  #closed = false;

  constructor(options: SqliteOutboxOptions) {
    this.#options = options;
    this.#thread = new WriterThread({ file: options.file, bounds: options.bounds });
    this.#buffer = new MemoryBuffer(options.memory);
  }

  /** Throws OUTBOX_LOCKED and OUTBOX_FROM_NEWER_AGENT; every other fault leaves a working outbox in memory that heals. */
  async start(): Promise<void> {
    const answer = await this.#thread.start();
    if (!answer.ok && (answer.code === 'OUTBOX_LOCKED' || answer.code === 'OUTBOX_FROM_NEWER_AGENT')) {
      this.#closed = true;
      await this.#thread.stop();
      throw new AgentError(answer.code, answer.message);
    }
    this.#judge(answer);
  }

  /** Commits what is in memory, if the disk lets it, and closes the file. */
  async stop(): Promise<void> {
    if (this.#closed) return;
    await this.flush();
    this.#closed = true;
    this.#unschedule();
    await this.#committing;
    await this.#thread.stop();
  }

  listen(listener: OutboxListener): void {
    this.#listeners.push(listener);
  }

  enqueue(record: NewRecord): void {
    for (const listener of this.#listeners) listener.enqueued?.(record);
    if (this.#closed) return this.#lose(addDrops(NO_DROPS, record.priority, 'memory', 1));
    const body = JSON.stringify(record.body);
    const bodyBytes = Buffer.byteLength(body);
    if (bodyBytes > MAX_RECORD_BYTES) return this.#lose(addDrops(NO_DROPS, record.priority, 'oversize', 1));
    const { kind, priority } = record;
    const lost = this.#buffer.add({
      kind,
      priority,
      body,
      sizeBytes: bodyBytes + ROW_BYTES,
      createdAt: this.#options.clock.now(),
    });
    this.#lose(lost);
    this.#schedule(priority === 'alarm' || this.#buffer.fill > EARLY_COMMIT ? 0 : this.#options.commitWindowMs);
  }

  async ready(): Promise<void> {
    const limit = this.#options.memory.maxRecords * HIGH_WATER;
    while (!this.#closed && this.#health === 'ok' && this.#buffer.length + this.#committingRecords > limit) {
      await this.#commit();
    }
  }

  async flush(): Promise<void> {
    while (!this.#closed && this.#hasWork()) {
      await this.#commit();
      if (this.#health !== 'ok') return;
    }
  }

  async read(request: ReadRequest): Promise<readonly StoredRecord[]> {
    const answer = await this.#thread.ask({ op: 'read', read: request });
    this.#mirror(answer);
    const rows = answer.ok ? answer.records : [];
    const waiting = rows.filter((record) => !this.#isAcknowledged(request.priority, record.sequence));
    const last = rows.at(-1)?.sequence ?? request.last;
    return waiting.length > 0 || last >= request.last ? waiting : this.read({ ...request, first: last + 1 });
  }

  acknowledge(acknowledgement: Acknowledgement): void {
    this.#acknowledged.push(acknowledgement);
    this.#schedule(this.#options.commitWindowMs);
    for (const listener of this.#listeners) listener.acknowledged?.();
  }

  async beginEpoch(): Promise<void> {
    await this.#committing;
    this.#acknowledged = [];
    this.#judge(await this.#thread.ask({ op: 'begin-epoch' }));
  }

  state(): OutboxState {
    const { epoch, lastSequence, highestByClass, sizeBytes, dropped } = this.#file;
    const depthByClass = this.#unacknowledged();
    return {
      epoch,
      lastCommittedSequence: lastSequence,
      depth: PRIORITY_CLASSES.reduce((sum, priority) => sum + depthByClass[priority], 0),
      sizeBytes,
      depthByClass,
      highestByClass,
      uncommitted: this.#buffer.length + this.#committingRecords,
      dropped: mergeDrops(dropped, this.#uncounted),
      health: this.#health,
    };
  }

  /** Acknowledged, and still in the file until its next commit. */
  #isAcknowledged(priority: PriorityClass, sequence: number): boolean {
    const covers = (range: KeyRange): boolean =>
      range.priority === priority && sequence >= range.first && sequence <= range.last;
    return this.#committingAcknowledged.some(covers) || this.#acknowledged.some(covers);
  }

  /** In the file, by class, without what is acknowledged and only waits to be deleted. */
  #unacknowledged(): Record<PriorityClass, number> {
    const depth = { ...this.#file.depthByClass };
    for (const { priority, records } of [...this.#committingAcknowledged, ...this.#acknowledged])
      depth[priority] = Math.max(0, depth[priority] - records);
    return depth;
  }

  #hasWork(): boolean {
    return this.#buffer.length + this.#committingRecords > 0 || this.#acknowledged.length > 0;
  }

  /** Brings the next commit forward to `delayMs` from now; a refusing disk keeps its own pace. */
  #schedule(delayMs: number): void {
    const dueAt = this.#options.clock.monotonic() + delayMs;
    if (this.#closed || this.#health !== 'ok' || dueAt >= this.#timerDueAt) return;
    this.#scheduleAt(dueAt, delayMs);
  }

  #scheduleAt(dueAt: number, delayMs: number): void {
    this.#unschedule();
    this.#timerDueAt = dueAt;
    this.#timer = setTimeout(() => {
      this.#timerDueAt = Infinity;
      void this.#commit();
    }, delayMs);
  }

  #unschedule(): void {
    clearTimeout(this.#timer);
    this.#timerDueAt = Infinity;
  }

  /** One commit at a time; who calls while one runs waits for the one after it. */
  async #commit(): Promise<void> {
    if (this.#committing !== undefined) await this.#committing;
    if (this.#committing !== undefined) return this.#committing;
    this.#committing = this.#commitOnce().finally(() => {
      this.#committing = undefined;
    });
    return this.#committing;
  }

  async #commitOnce(): Promise<void> {
    this.#unschedule();
    if (!this.#thread.isRunning()) this.#judge(await this.#thread.start());
    const records = this.#buffer.take(RECORDS_PER_COMMIT);
    const acknowledged = this.#acknowledged;
    const dropped = this.#uncounted;
    this.#committingRecords = records.length;
    this.#acknowledged = [];
    this.#committingAcknowledged = acknowledged;
    this.#uncounted = NO_DROPS;
    const now = this.#options.trustedNow();
    const answer = await this.#thread.ask({ op: 'commit', commit: { records, acknowledged, dropped, now } });
    this.#committingRecords = 0;
    this.#committingAcknowledged = [];
    if (!answer.ok) this.#restore(records, acknowledged, dropped);
    this.#judge(answer);
    if (answer.ok) this.#afterCommit(answer.evicted, records.length);
  }

  /** What came while the commit ran waits for its own window: a timer that began with one record of a steady source ends with another. */
  #afterCommit(evicted: DropCounts, records: number): void {
    const isUrgent = records === RECORDS_PER_COMMIT || this.#buffer.fill > EARLY_COMMIT || this.#buffer.hasAlarm;
    if (this.#hasWork()) this.#schedule(isUrgent ? 0 : this.#options.commitWindowMs);
    this.#announceDrops(evicted);
    for (const listener of this.#listeners) listener.committed?.();
  }

  #restore(records: readonly RecordToStore[], acknowledged: readonly Acknowledgement[], dropped: DropCounts): void {
    this.#acknowledged = [...acknowledged, ...this.#acknowledged];
    this.#uncounted = mergeDrops(dropped, this.#uncounted);
    this.#lose(this.#buffer.putBack(records));
  }

  #retryLater(): void {
    const { retryMs, clock } = this.#options;
    if (!this.#closed) this.#scheduleAt(clock.monotonic() + retryMs, retryMs);
  }

  #lose(added: DropCounts): void {
    this.#uncounted = mergeDrops(this.#uncounted, added);
    this.#announceDrops(added);
  }

  #announceDrops(added: DropCounts): void {
    if (dropEntries(added).length === 0) return;
    for (const listener of this.#listeners) listener.dropped?.(added);
  }

  /** The file as it is now; a file that replaced a damaged one knows nothing of earlier acknowledgements. */
  #mirror(answer: WriterAnswer): void {
    if (!answer.ok) return;
    const before = this.#file;
    this.#file = answer.state;
    if (answer.quarantinedAs === null) return;
    this.#acknowledged = [];
    for (const priority of PRIORITY_CLASSES) {
      const records = before.depthByClass[priority];
      if (records > 0) this.#lose(addDrops(NO_DROPS, priority, 'quarantine', records));
    }
    const keptAs = answer.quarantinedAs;
    for (const listener of this.#listeners) listener.quarantined?.(keptAs);
  }

  /** Only what had to write can say whether the disk takes writes. */
  #judge(answer: WriterAnswer): void {
    this.#mirror(answer);
    const health = answer.ok ? 'ok' : answer.code === 'OUTBOX_DISK_FULL' ? 'disk-full' : 'failing';
    if (!answer.ok) this.#retryLater();
    if (health === this.#health) return;
    this.#health = health;
    const sentence = answer.ok ? 'The outbox can be written again.' : answer.message;
    for (const listener of this.#listeners) listener.healthChanged?.(health, sentence);
  }
}
