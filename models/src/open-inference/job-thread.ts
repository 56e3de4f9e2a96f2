/** A thread for what would hold an event loop: one job after the other, and the thread ends when none has come for a while. */
import { parentPort, Worker } from 'node:worker_threads';
import { ProtocolError, type ProtocolErrorCode } from '@shoal/protocol/wire';
import { ModelError } from '../errors.ts';

/** `code: null` for a fault that is none of the protocol's. */
type JobAnswer<R> =
  | { readonly ok: true; readonly result: R }
  | { readonly ok: false; readonly code: ProtocolErrorCode | null; readonly message: string };

interface JobCall<J> {
  readonly id: number;
  readonly job: J;
}
interface JobReply<R> {
  readonly id: number;
  readonly answer: JobAnswer<R>;
}

const IDLE_MS = 10_000;
/** Jobs that may wait for the thread. */
const MAX_WAITING = 32;

const faultOf = ({ code, message }: Extract<JobAnswer<unknown>, { ok: false }>): Error =>
  code === null
    ? new ModelError('ENGINE_CRASHED', `The message could not be read or written: ${message}`)
    : new ProtocolError(code, message);

export class JobThread<J, R> {
  readonly #entry: URL;
  readonly #waiting = new Map<number, PromiseWithResolvers<JobAnswer<R>>>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #lastId = 0;
  #closed = false;

  /** `entry` calls `serveJobs`. */
  constructor(entry: URL) {
    this.#entry = entry;
  }

  /** Rejects with ProtocolError, with ModelError ENGINE_BUSY when too many wait, ENGINE_CRASHED when the thread is lost. */
  async ask(job: J, transfer: ArrayBuffer[]): Promise<R> {
    if (this.#closed) throw new ModelError('ENGINE_CLOSED', 'The server stops');
    if (this.#waiting.size >= MAX_WAITING) throw new ModelError('ENGINE_BUSY', 'Too many large messages wait');
    clearTimeout(this.#idle);
    this.#worker ??= this.#start();
    const id = (this.#lastId += 1);
    const settled = Promise.withResolvers<JobAnswer<R>>();
    this.#waiting.set(id, settled);
    this.#worker.postMessage({ id, job } satisfies JobCall<J>, transfer);
    const answer = await settled.promise;
    if (!answer.ok) throw faultOf(answer);
    return answer.result;
  }

  /** Ends the thread; what waits for it rejects. */
  async stop(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    await this.#worker?.terminate();
  }

  #start(): Worker {
    /** Sources run as they are when this file does. */
    const isSource = this.#entry.pathname.endsWith('.ts');
    const worker = new Worker(this.#entry, {
      execArgv: isSource ? ['--conditions=source', '--disable-warning=ExperimentalWarning'] : [],
    });
    worker.unref();
    worker.on('message', ({ id, answer }: JobReply<R>) => this.#settle(id, answer));
    worker.on('error', (error) => this.#lose(worker, error.message));
    worker.on('exit', () => this.#lose(worker, 'it ended'));
    return worker;
  }

  #settle(id: number, answer: JobAnswer<R>): void {
    this.#waiting.get(id)?.resolve(answer);
    this.#waiting.delete(id);
    if (this.#waiting.size > 0) return;
    this.#idle = setTimeout(() => this.#retire(), IDLE_MS).unref();
  }

  /** Whatever comes next gets a thread of its own. */
  #retire(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }

  #lose(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const answer: JobAnswer<R> = { ok: false, code: null, message: `the thread failed: ${why}` };
    for (const id of this.#waiting.keys()) this.#settle(id, answer);
  }
}

export interface JobDone<R> {
  readonly result: R;
  /** Memory that changes hands with it. */
  readonly transfer: ArrayBuffer[];
}

/** For the entry of a thread: every job is answered, also when `work` throws. */
export const serveJobs = <J, R>(work: (job: J) => JobDone<R>): void => {
  const attempt = (job: J): { readonly answer: JobAnswer<R>; readonly transfer: ArrayBuffer[] } => {
    try {
      const { result, transfer } = work(job);
      return { answer: { ok: true, result }, transfer };
    } catch (error) {
      const code = error instanceof ProtocolError ? error.code : null;
      const message = error instanceof Error ? error.message : String(error);
      return { answer: { ok: false, code, message }, transfer: [] };
    }
  };
  parentPort?.on('message', ({ id, job }: JobCall<J>) => {
    const { answer, transfer } = attempt(job);
    parentPort?.postMessage({ id, answer } satisfies JobReply<R>, transfer);
  });
};
