/** Makes deltas in a thread of its own, one after the other: they take a second for every few megabytes. */
import { Worker } from 'node:worker_threads';
import type { DeltaOrder } from './delta-thread.ts';

const IS_SOURCE = import.meta.url.endsWith('.ts');

export class DeltaMaker {
  #last: Promise<unknown> = Promise.resolve();
  #worker: Worker | undefined;

  /** Writes `file`; empty when the delta would be longer than `maxBytes`. Rejects when the thread fails. */
  make(base: string, target: string, file: string, maxBytes: number): Promise<void> {
    const turn = this.#last.then(() => this.#run({ base, target, file, maxBytes }));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate();
  }

  #run(order: DeltaOrder): Promise<void> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL(`./delta-thread${IS_SOURCE ? '.ts' : '.js'}`, import.meta.url), {
        workerData: order,
        execArgv: IS_SOURCE ? ['--conditions=source', '--disable-warning=ExperimentalWarning'] : [],
      });
      this.#worker = worker;
      worker.once('error', reject);
      worker.once('exit', (code) => {
        this.#worker = undefined;
        if (code === 0) resolve();
        else reject(new Error(`the thread that made a delta ended with ${code}`));
      });
    });
  }
}
