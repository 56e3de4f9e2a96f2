/** The check of a file that was too large to be checked before the start: once, in a thread of its own, while it is used. */
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

export class LateCheck {
  readonly #with: Collaborators;
  readonly #onDamage: () => void;
  #worker: Worker | undefined;

  constructor(collaborators: Collaborators, onDamage: () => void) {
    this.#with = collaborators;
    this.#onDamage = onDamage;
  }

  start(file: string): void {
    const { log, metrics } = this.#with;
    const entry = threadEntry('check-thread');
    const execArgv = entry.pathname.endsWith('.ts') ? ['--conditions=source'] : [];
    const worker = new Worker(entry, { workerData: { file }, execArgv });
    this.#worker = worker;
    metrics.gauge('storage_check_running', 1);
    log.info({ file }, 'the telemetry file is large: it is checked while it is used');
    worker.on('message', (finding: CheckFinding) => {
      if (finding.ok) {
        log.info({ file }, 'the telemetry file is whole');
        return;
      }
      log.error({ file, fault: finding.fault }, 'the check of the telemetry file did not end well');
      if (isCorruptCode(finding.fault.code)) this.#onDamage();
    });
    worker.on('error', (error) => log.error({ err: error }, 'the telemetry file could not be checked'));
    worker.on('exit', () => metrics.gauge('storage_check_running', 0));
  }

  /** Waits for the table that is being read. */
  async stop(): Promise<void> {
    await this.#worker?.terminate();
  }
}
