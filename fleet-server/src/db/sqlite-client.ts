/** The event loop's side of the SQLite thread: one promise per statement, answered in the order they were sent. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { FleetError } from '../errors.ts';
import type { SqliteFault, SqliteThreadAnswer, SqliteThreadGreeting, SqliteThreadRequest } from './sqlite-thread.ts';

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

export class SqliteClient {
  private readonly worker: Worker;
  /** Where a corrupt file was set aside when this one was opened, or null. */
  readonly quarantined: string | null;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;
  private ended = false;

  private constructor(worker: Worker, quarantined: string | null) {
    this.worker = worker;
    this.quarantined = quarantined;
  }

  /**
   * Opens the file in a thread of its own, WAL and synchronous=FULL; a corrupt file is set aside and a new one begun.
   * @throws FleetError DATABASE_UNAVAILABLE | DATABASE_FAILED
   */
  static async open(file: string, openedAt: number): Promise<SqliteClient> {
    const worker = new Worker(THREAD, {
      workerData: { file, openedAt },
      execArgv: fromSource ? ['--conditions=source'] : [],
    });
    const [greeting] = (await once(worker, 'message')) as [SqliteThreadGreeting];
    if (!greeting.opened) {
      await worker.terminate();
      throw asFleetError(greeting.fault);
    }
    const client = new SqliteClient(worker, greeting.quarantined);
    worker.on('message', (answer: SqliteThreadAnswer) => client.settle(answer));
    worker.on('error', (error) => client.abandon(error));
    worker.on('exit', () => client.abandon(undefined));
    return client;
  }

  execute(sql: string, parameters: readonly unknown[]): Promise<SqliteResult> {
    return this.request({ id: this.nextId++, sql, parameters });
  }

  async close(): Promise<void> {
    if (this.ended) return;
    const exited = once(this.worker, 'exit');
    await this.request({ id: this.nextId++, close: true });
    await exited;
  }

  private request(request: SqliteThreadRequest): Promise<SqliteResult> {
    if (this.ended) return Promise.reject(this.gone(undefined));
    return new Promise((resolve, reject) => {
      this.waiting.set(request.id, { resolve, reject });
      this.worker.postMessage(request);
    });
  }

  private settle(answer: SqliteThreadAnswer): void {
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if ('fault' in answer) waiting?.reject(asFleetError(answer.fault));
    else waiting?.resolve(answer);
  }

  private abandon(cause: unknown): void {
    this.ended = true;
    const error = this.gone(cause);
    for (const waiting of this.waiting.values()) waiting.reject(error);
    this.waiting.clear();
  }

  private gone(cause: unknown): FleetError {
    return new FleetError('DATABASE_UNAVAILABLE', 'The thread of the control database has ended; restart the server.', {
      cause,
    });
  }
}
