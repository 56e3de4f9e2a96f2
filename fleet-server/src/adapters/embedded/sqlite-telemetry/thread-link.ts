/** A worker thread as a function from jobs to promises. */
import { setTimeout } from 'node:timers/promises';
import { Worker, type Transferable } from 'node:worker_threads';
import type { ThreadAnswer, ThreadFault } from './thread-messages.ts';

/** Carries SQLite's code across the thread boundary. */
export class ThreadError extends Error {
  override readonly name = 'ThreadError';
  readonly code: string;
  constructor(fault: ThreadFault) {
    super(fault.message);
    this.code = fault.code;
  }
}

interface Pending {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface LinkOptions {
  readonly onQuarantine: (quarantined: string, why: string) => void;
  /** The thread is gone and nobody asked it to go. */
  readonly onDeath: (error: Error) => void;
  readonly youngMb?: number;
}

/** A thread that does not answer by then is ended as it is; what it had not committed was not acknowledged. */
const CLOSE_WITHIN_MS = 10_000;

/**
 * Megabytes that what a thread makes may fill before V8 looks what of it is still used. Rows pass through and are gone: more is memory
 * without use, once for every thread.
 */
const YOUNG_MB = 3;
/** For threads through which the stream of records goes. */
export const STREAM_YOUNG_MB = 12;

/** Compiled, the sibling is JavaScript; from source, Node strips the types and finds the workspaces by their sources. */
const IS_SOURCE = import.meta.url.endsWith('.ts');

/** A thread's entry beside this file. */
export const threadEntry = (name: string): URL => new URL(`./${name}${IS_SOURCE ? '.ts' : '.js'}`, import.meta.url);

export class ThreadLink<J extends { [K in keyof J]: { ask: unknown; answer: unknown } }> {
  readonly #entry: URL;
  #data: unknown;
  readonly #options: LinkOptions;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #starting: Promise<boolean> | undefined;
  #lastId = 0;
  #closing = false;

  constructor(entry: URL, options: LinkOptions) {
    this.#entry = entry;
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#worker !== undefined && this.#starting === undefined;
  }

  /** What `start` opens when nothing else is said: for a thread that starts with the first question. */
  prepare(data: unknown): void {
    this.#data = data;
  }

  /**
   * Resolves when the thread has its file open; may be called again after a death, and then keeps the data it had. Who calls while
   * it starts waits for the same start.
   * @returns whether the thread has checked the whole file
   * @throws ThreadError
   */
  async start(data: unknown = this.#data): Promise<boolean> {
    this.#data = data;
    this.#starting ??= this.#open(data).finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #open(data: unknown): Promise<boolean> {
    const execArgv = this.#entry.pathname.endsWith('.ts') ? ['--conditions=source'] : [];
    const worker = new Worker(this.#entry, {
      workerData: data,
      execArgv,
      resourceLimits: { maxYoungGenerationSizeMb: this.#options.youngMb ?? YOUNG_MB },
    });
    this.#worker = worker;
    return new Promise<boolean>((resolve, reject) => {
      worker.on('message', (message: ThreadAnswer) => {
        if (!('opened' in message)) this.#receive(message);
        else if (message.opened) resolve(message.isChecked);
        else {
          this.#worker = undefined;
          void worker.terminate();
          reject(new ThreadError(message.fault));
        }
      });
      worker.on('error', (error: Error) => {
        reject(error);
        this.#die(worker, error);
      });
      worker.on('exit', () => this.#die(worker, new Error('the thread ended')));
    });
  }

  ask<K extends keyof J>(job: K, ask: J[K]['ask'], transfer: readonly Transferable[] = []): Promise<J[K]['answer']> {
    const worker = this.#worker;
    if (worker === undefined) return Promise.reject(new Error('the thread does not run'));
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as Pending['resolve'], reject });
      worker.postMessage({ id, job, ask }, transfer);
    });
  }

  /** Lets the jobs before it end, closes the file, ends the thread. */
  async stop(): Promise<void> {
    if (this.#worker === undefined) return;
    this.#closing = true;
    const closed = this.ask('close' as keyof J, null).catch(() => undefined);
    await Promise.race([closed, setTimeout(CLOSE_WITHIN_MS, undefined, { ref: false })]);
    await this.#worker.terminate();
    this.#worker = undefined;
  }

  #receive(message: Exclude<ThreadAnswer, { opened: boolean }>): void {
    if ('quarantined' in message) {
      this.#options.onQuarantine(message.quarantined, message.why);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if ('fault' in message) pending?.reject(new ThreadError(message.fault));
    else pending?.resolve(message.answer);
  }

  /** An uncaught error comes before the exit, and a successor may run by then. */
  #die(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    if (this.#closing) return;
    this.#worker = undefined;
    this.#options.onDeath(error);
  }
}
