/** The worker thread that writes the telemetry file; the event loop of the server never waits for the disk. */
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';
import { isCorruption } from './corruption.ts';
import { RECORD_NUMBERS } from './packed-append.ts';
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

/** Records of one transaction, when more wait than one append brings. */
const ROWS_PER_COMMIT = 2_000;

class WriterThread {
  readonly #data: WriterThreadData;
  readonly #answer: (answer: ThreadAnswer) => void;
  #db: Sqlite | undefined;
  #writer: TelemetryWriter | undefined;

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
    let request: Request | undefined = first;
    while (request !== undefined) {
      if (request.job !== 'append') {
        await this.handle(request);
        return;
      }
      const group: AppendRequest[] = [request];
      let rows = rowsOf(request);
      request = undefined;
      while (rows < ROWS_PER_COMMIT && request === undefined) {
        const next = receiveMessageOnPort(port) as { message: Request } | undefined;
        if (next === undefined) break;
        if (next.message.job !== 'append') request = next.message;
        else {
          group.push(next.message);
          rows += rowsOf(next.message);
        }
      }
      this.#append(group);
    }
  }

  #append(group: readonly AppendRequest[]): void {
    try {
      const outcomes = this.#opened().append(
        group.map(({ ask }) => ask.packed),
        Math.max(...group.map(({ ask }) => ask.now)),
      );
      for (const [index, { id }] of group.entries()) this.#answer({ id, answer: outcomes[index] });
    } catch (error) {
      for (const { id } of group) this.#answer({ id, fault: asFault(error) });
      if (isCorruption(error)) this.#replace(error);
    }
  }

  async handle(request: Exclude<Request, AppendRequest>): Promise<void> {
    try {
      this.#answer({ id: request.id, answer: await this.#perform(request) });
    } catch (error) {
      this.#answer({ id: request.id, fault: asFault(error) });
      if (isCorruption(error)) this.#replace(error);
    }
  }

  async #perform(request: Exclude<Request, AppendRequest>): Promise<unknown> {
    const writer = this.#opened();
    switch (request.job) {
      case 'probe':
        writer.probe();
        return null;
      case 'check':
        writer.check();
        return null;
      case 'deleteDevice':
        while (writer.deleteDeviceStep(request.ask.deviceId)) await letOthersIn();
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

const rowsOf = (request: AppendRequest): number => request.ask.packed.numbers.length / RECORD_NUMBERS;

const letOthersIn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const port = parentPort;
if (port !== null) {
  const thread = new WriterThread(workerData as WriterThreadData, (answer) => port.postMessage(answer));
  thread.start();
  port.on('message', (request: Request) => void thread.take(request, port));
}
