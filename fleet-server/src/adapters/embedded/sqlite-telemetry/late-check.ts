/** The check of an SQLite file that was too large to be checked before the start: once, in a thread of its own, while it is used. */
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import type { Metrics } from '../../../ports/metrics.ts';
import type { CheckFinding } from './check-thread.ts';
import { isCorruptCode } from './corruption.ts';
import { threadEntry } from './thread-link.ts';

interface Collaborators {
  readonly metrics: Metrics;
  readonly log: Logger;
}

export interface CheckedFile {
  /** As the log calls it, for example "telemetry file". */
  readonly what: string;
  /** Metric that is 1 while the check runs. */
  readonly gauge: string;
}

export class LateCheck {
  readonly #with: Collaborators;
  readonly #subject: CheckedFile;
  readonly #onDamage: () => void;
  #worker: Worker | undefined;

  constructor(collaborators: Collaborators, subject: CheckedFile, onDamage: () => void) {
    this.#with = collaborators;
    this.#subject = subject;
    this.#onDamage = onDamage;
  }

  start(file: string): void {
    const { log, metrics } = this.#with;
    const { what, gauge } = this.#subject;
    const entry = threadEntry('check-thread');
    const execArgv = entry.pathname.endsWith('.ts') ? ['--conditions=source'] : [];
    const worker = new Worker(entry, { workerData: { file }, execArgv });
    this.#worker = worker;
    metrics.gauge(gauge, 1);
    log.info({ file }, `the ${what} is large: it is checked while it is used`);
    worker.on('message', (finding: CheckFinding) => {
      if (finding.ok) {
        log.info({ file }, `the ${what} is whole`);
        return;
      }
      log.error({ file, fault: finding.fault }, `the check of the ${what} did not end well`);
      if (isCorruptCode(finding.fault.code)) this.#onDamage();
    });
    worker.on('error', (error) => log.error({ err: error }, `the ${what} could not be checked`));
    worker.on('exit', () => metrics.gauge(gauge, 0));
  }

  /** Waits for the table that is being read. */
  async stop(): Promise<void> {
    await this.#worker?.terminate();
  }
}
