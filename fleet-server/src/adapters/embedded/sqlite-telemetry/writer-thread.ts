/** The worker thread that writes the telemetry file; the event loop of the server never waits for the disk. */
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';
import { CommitQueue, type QueuedAppend } from './commit-queue.ts';
import { isCorruption } from './corruption.ts';
import { recordsIn } from '../../../ports/packed-records/pack-records.ts';
import { openForWriting, setAside, type Sqlite } from './telemetry-file.ts';
import { TelemetryWriter } from './telemetry-writer.ts';
import {
  asFault,
  type ThreadAnswer,
  type ThreadRequest,
  type WriterJobs,
  type WriterThreadData,
} from './thread-messages.ts';

type Request = ThreadRequest<WriterJobs>;
type AppendRequest = Extract<Request, { job: 'append' }>;
type OtherRequest = Exclude<Request, AppendRequest>;

/** For so long a backlog waits for what may not wait, to be committed with it. */
const LONGEST_OPEN_MS = 10;

interface Queued extends QueuedAppend {
  readonly request: AppendRequest;
}

class WriterThread {
  readonly #data: WriterThreadData;
  readonly #answer: (answer: ThreadAnswer) => void;
  readonly #queue = new CommitQueue<Queued>();
  #db: Sqlite | undefined;
  #writer: TelemetryWriter | undefined;
  /** Of the transaction that is open. */
  #uncommitted: AppendRequest[] = [];
  #commitDue: NodeJS.Timeout | undefined;

  constructor(data: WriterThreadData, answer: (answer: ThreadAnswer) => void) {
    this.#data = data;
    this.#answer = answer;
  }

  start(): void {
    try {
      const isChecked = this.#open();
      this.#answer({ opened: true, isChecked });
    } catch (error) {
      this.#answer({ opened: false, fault: asFault(error) });
    }
  }

  /** Group commit: what queued up while the last transaction was synced shares the next one. */
  async take(first: Request, port: MessagePort): Promise<void> {
    let other = this.#collect(first, port);
    while (!this.#queue.isEmpty) {
      const { group, isLast } = this.#queue.next(performance.now());
      this.#add(group.map(({ request }) => request));
      if (isLast) this.#commit();
      other ??= this.#collect(nextOf(port), port);
    }
    if (other !== undefined) {
      this.#commit();
      await this.handle(other);
    } else if (this.#uncommitted.length > 0) this.#commitDue ??= setTimeout(() => this.#commit(), LONGEST_OPEN_MS);
  }

  /** Queues appends up to the first other job. @returns that job, which has to wait for them */
  #collect(first: Request | undefined, port: MessagePort): OtherRequest | undefined {
    let request = first;
    while (request?.job === 'append') {
      const { mayWait, packed } = request.ask;
      this.#queue.push({ request, mayWait, rows: recordsIn(packed.parts) }, performance.now());
      request = nextOf(port);
    }
    return request;
  }

  #add(group: readonly AppendRequest[]): void {
    this.#uncommitted.push(...group);
    try {
      const packed = group.map(({ ask }) => ask.packed);
      this.#opened().add(packed, Math.max(...group.map(({ ask }) => ask.now)));
    } catch (error) {
      this.#failed(error);
    }
  }

  #commit(): void {
    clearTimeout(this.#commitDue);
    this.#commitDue = undefined;
    if (this.#uncommitted.length === 0) return;
    try {
      const outcomes = this.#opened().commit();
      for (const [index, { id }] of this.#uncommitted.entries()) this.#answer({ id, answer: outcomes[index] });
      this.#uncommitted = [];
    } catch (error) {
      this.#failed(error);
    }
  }

  /** All or nothing: whatever was in the transaction is not stored. */
  #failed(error: unknown): void {
    for (const { id } of this.#uncommitted) this.#answer({ id, fault: asFault(error) });
    this.#uncommitted = [];
    if (isCorruption(error)) this.#replace(error);
  }

  async handle(request: OtherRequest): Promise<void> {
    try {
      this.#answer({ id: request.id, answer: await this.#perform(request) });
    } catch (error) {
      this.#answer({ id: request.id, fault: asFault(error) });
      if (isCorruption(error)) this.#replace(error);
    }
  }

  async #perform(request: OtherRequest): Promise<unknown> {
    const writer = this.#opened();
    switch (request.job) {
      case 'probe':
        writer.probe();
        return null;
      case 'check':
        writer.check();
        return null;
      case 'deleteDevice':
        while (writer.deleteDeviceStep(request.ask.deviceId)) {
          await letOthersIn();
          // Who came in may have left a transaction open, and each step is one of its own.
          this.#commit();
        }
        return null;
      case 'checkpoint':
        writer.checkpoint();
        return null;
      case 'dropExpired':
        return writer.dropDaysBefore(request.ask.firstKept);
      case 'close':
        this.#db?.close();
        return null;
    }
  }

  /** A file that could not be opened again after a quarantine is tried with every job. */
  #opened(): TelemetryWriter {
    if (this.#writer === undefined) this.#open();
    if (this.#writer === undefined) throw new Error('the telemetry file is not open');
    return this.#writer;
  }

  #open(): boolean {
    const { file, deadLetterRows } = this.#data;
    const { db, quarantined, isChecked } = openForWriting(file, this.#data, Date.now());
    this.#db = db;
    this.#writer = new TelemetryWriter(db, deadLetterRows);
    if (quarantined !== undefined) this.#answer({ quarantined, why: 'the check at the start failed' });
    return isChecked;
  }

  #replace(cause: unknown): void {
    try {
      this.#db?.close();
      this.#db = undefined;
      this.#writer = undefined;
      const quarantined = setAside(this.#data.file, Date.now());
      this.#open();
      this.#answer({ quarantined, why: asFault(cause).message });
    } catch {
      // Left closed: the next job tries to open again, and its error is answered.
    }
  }
}

const nextOf = (port: MessagePort): Request | undefined =>
  (receiveMessageOnPort(port) as { message: Request } | undefined)?.message;

const letOthersIn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const port = parentPort;
if (port !== null) {
  const thread = new WriterThread(workerData as WriterThreadData, (answer) => port.postMessage(answer));
  thread.start();
  port.on('message', (request: Request) => void thread.take(request, port));
}
