/**
 * The event loop's side of the SQLite thread: one promise per statement, answered in the order they were sent. A thread
 * that dies is started again by the next statement; what it had begun and not committed is gone and is answered so.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { FleetError } from '../errors.ts';
import type {
  SqliteFault,
  SqliteThreadAnswer,
  SqliteThreadData,
  SqliteThreadGreeting,
  SqliteThreadRequest,
} from './sqlite-thread.ts';

export interface SqliteResult {
  readonly rows: readonly unknown[];
  readonly changes: number;
}

interface Waiting {
  readonly resolve: (result: SqliteResult) => void;
  readonly reject: (error: unknown) => void;
}

const fromSource = import.meta.url.endsWith('.ts');
const THREAD = new URL(`./sqlite-thread.${fromSource ? 'ts' : 'js'}`, import.meta.url);

/** Faults of the disk, not of the statement: the same call can succeed once there is room or the file is free again. */
const isStorageFault = (code: string): boolean =>
  /^SQLITE_(FULL|IOERR|CANTOPEN|READONLY|BUSY|LOCKED|NOMEM|PROTOCOL)/.test(code);

const asFleetError = (fault: SqliteFault): FleetError =>
  isStorageFault(fault.code)
    ? new FleetError('DATABASE_UNAVAILABLE', `The control database cannot be used: ${fault.message} (${fault.code}).`, {
        cause: fault,
      })
    : new FleetError('DATABASE_FAILED', `The control database refused a statement: ${fault.message} (${fault.code}).`, {
        cause: fault,
      });

/** A thread that has the file open. */
interface OpenThread {
  readonly worker: Worker;
  readonly quarantined: string | null;
}

/** What `SqliteClient` tells: the thread ended and nobody asked it to. */
export type OnThreadDeath = (cause: unknown) => void;

export class SqliteClient {
  private readonly file: string;
  private readonly onDeath: OnThreadDeath;
  /** Where a corrupt file was set aside when this one was opened, or null. */
  readonly quarantined: string | null;
  private readonly waiting = new Map<number, Waiting>();
  private worker: Worker | undefined;
  private restart: Promise<void> | undefined;
  /** The thread that an open transaction began on; a successor knows nothing of it. */
  private transactionOn: Worker | undefined;
  private nextId = 1;
  private closed = false;

  private constructor(file: string, opened: OpenThread, onDeath: OnThreadDeath) {
    this.file = file;
    this.onDeath = onDeath;
    this.quarantined = opened.quarantined;
    this.adopt(opened.worker);
  }

  /**
   * Opens the file in a thread of its own, WAL and synchronous=FULL; a corrupt file is set aside and a new one begun.
   * @throws FleetError DATABASE_UNAVAILABLE | DATABASE_FAILED
   */
  static async open(file: string, openedAt: number, onDeath: OnThreadDeath = () => {}): Promise<SqliteClient> {
    return new SqliteClient(file, await openThread({ file, openedAt }), onDeath);
  }

  /**
   * Statements between `begin` and `commit` or `rollback` run on the thread that began, or not at all.
   * @throws FleetError DATABASE_UNAVAILABLE | DATABASE_FAILED
   */
  async execute(sql: string, parameters: readonly unknown[]): Promise<SqliteResult> {
    if (this.closed) throw gone('is closed', undefined);
    const began = this.transactionOn;
    const isRollback = sql === 'rollback';
    if (isRollback) this.transactionOn = undefined;
    if (began !== undefined && began !== this.worker) {
      if (isRollback) return NOTHING;
      throw gone('ended in the middle of a transaction', undefined);
    }
    const worker = this.worker ?? (await this.revive());
    const result = await this.request(worker, { id: this.nextId++, sql, parameters });
    // A commit that failed leaves its transaction open until the rollback that follows.
    if (sql === 'commit') this.transactionOn = undefined;
    else if (sql.startsWith('begin')) this.transactionOn = worker;
    return result;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.restart?.catch(() => undefined);
    const { worker } = this;
    if (worker === undefined) return;
    const exited = once(worker, 'exit');
    await this.request(worker, { id: this.nextId++, close: true });
    await exited;
  }

  private request(worker: Worker, request: SqliteThreadRequest): Promise<SqliteResult> {
    return new Promise((resolve, reject) => {
      this.waiting.set(request.id, { resolve, reject });
      worker.postMessage(request);
    });
  }

  /** A file that is damaged by now is not replaced while the server runs: its tables would be missing. */
  private async revive(): Promise<Worker> {
    this.restart ??= openThread({ file: this.file, openedAt: null })
      .then(({ worker }) => this.adopt(worker))
      .finally(() => {
        this.restart = undefined;
      });
    await this.restart;
    if (this.worker === undefined) throw gone('has ended', undefined);
    return this.worker;
  }

  private adopt(worker: Worker): void {
    this.worker = worker;
    worker.on('message', (answer: SqliteThreadAnswer) => this.settle(answer));
    worker.on('error', (error) => this.abandon(worker, error));
    worker.on('exit', () => this.abandon(worker, undefined));
  }

  private settle(answer: SqliteThreadAnswer): void {
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if ('fault' in answer) waiting?.reject(asFleetError(answer.fault));
    else waiting?.resolve(answer);
  }

  /** An uncaught error comes before the exit, and a successor may run by then. */
  private abandon(worker: Worker, cause: unknown): void {
    if (this.worker !== worker) return;
    this.worker = undefined;
    const error = gone('has ended', cause);
    for (const waiting of this.waiting.values()) waiting.reject(error);
    this.waiting.clear();
    if (!this.closed) this.onDeath(cause);
  }
}

const NOTHING: SqliteResult = Object.freeze({ rows: [], changes: 0 });

const gone = (what: string, cause: unknown): FleetError =>
  new FleetError(
    'DATABASE_UNAVAILABLE',
    `The thread of the control database ${what}; look whether the change was made, then try again.`,
    {
      cause,
    },
  );

/** Resolves when the file is open. */
const openThread = async (data: SqliteThreadData): Promise<OpenThread> => {
  const worker = new Worker(THREAD, {
    workerData: data,
    execArgv: fromSource ? ['--conditions=source'] : [],
  });
  const [greeting] = (await once(worker, 'message')) as [SqliteThreadGreeting];
  if (greeting.opened) return { worker, quarantined: greeting.quarantined };
  await worker.terminate();
  throw asFleetError(greeting.fault);
};
