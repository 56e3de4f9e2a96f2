/** The score runner in a thread of its own, which lives as long as there is a run: between the nights it costs nothing. */
import { MessageChannel } from 'node:worker_threads';
import type { Logger } from 'pino';
import { FleetError } from '../../../errors.ts';
import { ScoreRunner, type EntityOrigin, type RunEnd, type RunOrder } from '../../../ports/score-runner.ts';
import type { ScoreStore } from '../../../ports/score-store.ts';
import { ThreadLink } from '../sqlite-telemetry/thread-link.ts';
import { asStoreError } from '../store-errors.ts';
import type { RunnerThreadData, RunnerThreadJobs } from './thread-messages.ts';

interface Collaborators {
  readonly store: ScoreStore;
  readonly log: Logger;
}

type Link = ThreadLink<RunnerThreadJobs>;
const fromSource = import.meta.url.endsWith('.ts');
const ENTRY = new URL(`./runner-thread${fromSource ? '.ts' : '.js'}`, import.meta.url);

export class ThreadedScoreRunner extends ScoreRunner {
  readonly #data: RunnerThreadData;
  readonly #with: Collaborators;
  readonly #links = new Set<Link>();

  constructor(data: RunnerThreadData, collaborators: Collaborators) {
    super();
    this.#data = data;
    this.#with = collaborators;
  }

  override async stop(): Promise<void> {
    await Promise.all([...this.#links].map((link) => link.stop()));
  }

  override run(order: RunOrder): Promise<RunEnd> {
    return this.#inThread(async (link) => {
      const { port1, port2 } = new MessageChannel();
      await this.#with.store.connectRunner(port1);
      await link.ask('connect', { port: port2 }, [port2]);
      return link.ask('run', order);
    });
  }

  override count(origin: Exclude<EntityOrigin, { kind: 'listed' }>): Promise<number> {
    return this.#inThread((link) => link.ask('count', origin));
  }

  async #inThread<T>(work: (link: Link) => Promise<T>): Promise<T> {
    const link: Link = new ThreadLink(ENTRY, {
      onQuarantine: () => undefined,
      onDeath: (error) => this.#with.log.error({ err: error }, 'the thread of the score runner ended'),
    });
    this.#links.add(link);
    try {
      await link.start(this.#data);
      return await work(link);
    } catch (cause) {
      if (cause instanceof FleetError) throw cause;
      throw asStoreError('SCORING_RUNNER_LOST', 'The score runner', cause);
    } finally {
      this.#links.delete(link);
      await link.stop();
    }
  }
}
