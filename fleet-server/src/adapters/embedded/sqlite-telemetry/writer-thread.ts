/** The worker thread that writes the telemetry file; the event loop of the server never waits for the disk. */
import { parentPort, workerData } from 'node:worker_threads';
import { checkIntegrity, isCorruption, openForWriting, setAside, type Sqlite } from './telemetry-file.ts';
import { TelemetryWriter } from './telemetry-writer.ts';
import { asFault, type ThreadAnswer, type ThreadRequest, type WriterJobs, type WriterThreadData } from './thread-messages.ts';

type Request = ThreadRequest<WriterJobs>;

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
      this.#open();
      this.#answer({ opened: true });
    } catch (error) {
      this.#answer({ opened: false, fault: asFault(error) });
    }
  }

  async handle(request: Request): Promise<void> {
    try {
      this.#answer({ id: request.id, answer: await this.#perform(request) });
    } catch (error) {
      this.#answer({ id: request.id, fault: asFault(error) });
      if (isCorruption(error)) this.#replace(error);
    }
  }

  async #perform(request: Request): Promise<unknown> {
    // A file that could not be opened again after a quarantine is tried with every job.
    if (this.#writer === undefined) this.#open();
    const writer = this.#writer;
    const db = this.#db;
    if (writer === undefined || db === undefined) throw new Error('the telemetry file is not open');
    switch (request.job) {
      case 'append':
        return writer.append(request.ask.packed, request.ask.now);
      case 'probe':
        writer.probe();
        return null;
      case 'check':
        checkIntegrity(db);
        return null;
      case 'deleteDevice':
        while (writer.deleteDeviceStep(request.ask.deviceId)) await letOthersIn();
        return null;
      case 'dropExpired':
        return writer.dropDaysBefore(request.ask.firstKept);
      case 'close':
        db.close();
        return null;
    }
  }

  #open(): void {
    const { file, maxPages, deadLetterRows } = this.#data;
    const { db, quarantined } = openForWriting(file, maxPages, Date.now());
    this.#db = db;
    this.#writer = new TelemetryWriter(db, deadLetterRows);
    if (quarantined !== undefined) this.#answer({ quarantined, why: 'the check at the start failed' });
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

const letOthersIn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const port = parentPort;
if (port !== null) {
  const thread = new WriterThread(workerData as WriterThreadData, (answer) => port.postMessage(answer));
  thread.start();
  port.on('message', (request: Request) => void thread.handle(request));
}
