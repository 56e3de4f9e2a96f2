/** A worker thread as a function from jobs to promises. */
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

interface Events {
  readonly onQuarantine: (quarantined: string, why: string) => void;
  /** The thread is gone and nobody asked it to go. */
  readonly onDeath: (error: Error) => void;
}

/** Compiled, the sibling is JavaScript; from source, Node strips the types and finds the workspaces by their sources. */
const IS_SOURCE = import.meta.url.endsWith('.ts');

export class ThreadLink<J extends { [K in keyof J]: { ask: unknown; answer: unknown } }> {
  readonly #name: string;
  readonly #events: Events;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #lastId = 0;
  #closing = false;

  /** @param name of the file beside this one, without its ending */
  constructor(name: string, events: Events) {
    this.#name = name;
    this.#events = events;
  }

  /** Resolves when the thread has its file open. @throws ThreadError */
  async start(data: unknown): Promise<void> {
    const url = new URL(`./${this.#name}${IS_SOURCE ? '.ts' : '.js'}`, import.meta.url);
    const worker = new Worker(url, { workerData: data, execArgv: IS_SOURCE ? ['--conditions=source'] : [] });
    this.#worker = worker;
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (message: ThreadAnswer) => {
        if (!('opened' in message)) this.#receive(message);
        else if (message.opened) resolve();
        else reject(new ThreadError(message.fault));
      });
      worker.on('error', (error: Error) => {
        reject(error);
        this.#die(error);
      });
      worker.on('exit', () => this.#die(new Error(`the ${this.#name} ended`)));
    });
  }

  ask<K extends keyof J>(job: K, ask: J[K]['ask'], transfer: readonly Transferable[] = []): Promise<J[K]['answer']> {
    const worker = this.#worker;
    if (worker === undefined) return Promise.reject(new Error(`the ${this.#name} does not run`));
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
    await this.ask('close' as keyof J, null).catch(() => undefined);
    await this.#worker.terminate();
    this.#worker = undefined;
  }

  #receive(message: Exclude<ThreadAnswer, { opened: boolean }>): void {
    if ('quarantined' in message) {
      this.#events.onQuarantine(message.quarantined, message.why);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if ('fault' in message) pending?.reject(new ThreadError(message.fault));
    else pending?.resolve(message.answer);
  }

  #die(error: Error): void {
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    if (this.#closing || this.#worker === undefined) return;
    this.#worker = undefined;
    this.#events.onDeath(error);
  }
}
