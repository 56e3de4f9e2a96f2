/** The outbox's side of its writing thread: requests go out in order, answers come back as promises. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { sentenceOf } from '../errors.ts';
import type { WriterAnswer, WriterOptions, WriterReply, WriterRequest } from './outbox-messages.ts';

type Settle = (answer: WriterAnswer) => void;

/** Sources run as they are when this file does. */
const isSource = import.meta.url.endsWith('.ts');

export class WriterThread {
  readonly #options: WriterOptions;
  readonly #waiting = new Map<number, Settle>();
  #worker: Worker | undefined;
  #lastId = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  isRunning(): boolean {
    return this.#worker !== undefined;
  }

  /** The answer to opening the file. */
  start(): Promise<WriterAnswer> {
    const worker = new Worker(new URL(`./outbox-thread.${isSource ? 'ts' : 'js'}`, import.meta.url), {
      workerData: this.#options,
      execArgv: isSource ? ['--conditions=source', '--disable-warning=ExperimentalWarning'] : [],
      // What a writer of small transactions needs; the default young generation would cost more than all of it.
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 48 },
    });
    this.#worker = worker;
    worker.on('message', ({ id, answer }: WriterReply) => this.#settle(id, answer));
    worker.on('error', (error) => this.#fail(worker, sentenceOf(error)));
    worker.on('exit', (code) => this.#fail(worker, `the writing thread ended with code ${code}`));
    return this.#expect(0);
  }

  /** Never rejects: a thread that died answers OUTBOX_WRITE_FAILED. */
  ask(request: WriterRequest): Promise<WriterAnswer> {
    this.#lastId += 1;
    const answer = this.#expect(this.#lastId);
    if (this.#worker === undefined) this.#settle(this.#lastId, died('it is not running'));
    else this.#worker.postMessage({ id: this.#lastId, request });
    return answer;
  }

  /** Resolves when the thread has answered what was asked before, closed the file and ended. */
  async stop(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = once(worker, 'exit');
    worker.postMessage({ id: 0, request: { op: 'close' } satisfies WriterRequest });
    await ended;
  }

  #expect(id: number): Promise<WriterAnswer> {
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  #settle(id: number, answer: WriterAnswer): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }

  #fail(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const id of this.#waiting.keys()) this.#settle(id, died(why));
  }
}

const died = (why: string): WriterAnswer => ({
  ok: false,
  code: 'OUTBOX_WRITE_FAILED',
  message: `The writing thread of the outbox failed: ${why}.`,
});
