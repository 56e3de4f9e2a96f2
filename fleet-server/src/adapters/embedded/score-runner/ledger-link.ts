/** The way of the runner to the thread that writes scores: questions and answers over a port between the two threads. */
import type { MessagePort, Transferable } from 'node:worker_threads';
import { ThreadError } from '../sqlite-telemetry/thread-link.ts';
import type { ThreadAnswer } from '../sqlite-telemetry/thread-messages.ts';
import type { RunnerJobs } from '../sqlite-scores/thread-messages.ts';

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

export class LedgerLink {
  readonly #port: MessagePort;
  readonly #pending = new Map<number, Pending>();
  #last = 0;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (answer: ThreadAnswer) => this.#receive(answer));
    // The thread that writes is gone, and what it was asked with it.
    port.on('close', () => {
      for (const { reject } of this.#pending.values()) reject(new Error('the thread that writes scores ended'));
      this.#pending.clear();
    });
  }

  /** @throws ThreadError */
  ask<K extends keyof RunnerJobs>(
    job: K,
    ask: RunnerJobs[K]['ask'],
    transfer: readonly Transferable[] = [],
  ): Promise<RunnerJobs[K]['answer']> {
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#port.postMessage({ id, job, ask }, transfer);
    });
  }

  close(): void {
    this.#port.close();
  }

  #receive(answer: ThreadAnswer): void {
    if (!('id' in answer)) return;
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ('fault' in answer) pending?.reject(new ThreadError(answer.fault));
    else pending?.resolve(answer.answer as never);
  }
}
