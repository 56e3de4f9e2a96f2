/** Runs a backtest in a thread of its own, which lives as long as it does. */
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import { FleetError } from '../../../errors.ts';
import type { ArtifactStore } from '../../../ports/artifact-store.ts';
import {
  BacktestRunner,
  type BacktestEnd,
  type BacktestModel,
  type BacktestOrder,
  type BacktestProgress,
} from '../../../ports/backtest-runner.ts';
import { ThreadLink } from '../sqlite-telemetry/thread-link.ts';
import { asStoreError } from '../store-errors.ts';
import type { BacktestThreadData, BacktestThreadJobs } from './thread-messages.ts';

interface Collaborators {
  readonly artifacts: ArtifactStore;
  readonly log: Logger;
}

type Link = ThreadLink<BacktestThreadJobs>;
const fromSource = import.meta.url.endsWith('.ts');
const ENTRY = new URL(`./runner-thread${fromSource ? '.ts' : '.js'}`, import.meta.url);

export class ThreadedBacktestRunner extends BacktestRunner {
  readonly #data: BacktestThreadData & { readonly folder: string };
  readonly #with: Collaborators;
  #link: Link | undefined;
  /** Of the run that is under way, also before its thread is. */
  #stop: AbortController | undefined;
  /** Who stops it and the run itself may both want it closed. */
  #closing: Promise<void> | undefined;

  /** `folder`: scratch, emptied for every run. */
  constructor(data: BacktestThreadData & { readonly folder: string }, collaborators: Collaborators) {
    super();
    this.#data = data;
    this.#with = collaborators;
  }

  override async run(order: BacktestOrder): Promise<BacktestEnd> {
    const link: Link = new ThreadLink(ENTRY, {
      onQuarantine: () => undefined,
      onDeath: (error) => this.#with.log.error({ err: error }, 'the thread of the backtest ended'),
    });
    const { folder } = this.#data;
    const stop = new AbortController();
    this.#stop = stop;
    try {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      await this.#fetch(order.champion, join(folder, 'champion.tar'));
      await this.#fetch(order.candidate, join(folder, 'candidate.tar'));
      await link.start(this.#data);
      if (stop.signal.aborted) return { kind: 'stopped' };
      this.#link = link;
      return await link.ask('run', { order, folder });
    } catch (cause) {
      if (cause instanceof FleetError) throw cause;
      throw asStoreError('BACKTEST_RUNNER_LOST', 'The backtest', cause);
    } finally {
      this.#link = undefined;
      this.#stop = undefined;
      await this.#close(link);
      this.#closing = undefined;
      await rm(folder, { recursive: true, force: true });
    }
  }

  override async progress(): Promise<BacktestProgress | undefined> {
    return this.#link?.ask('progress', null).catch(() => undefined);
  }

  override async stop(): Promise<void> {
    this.#stop?.abort();
    if (this.#link !== undefined) await this.#close(this.#link);
  }

  #close(link: Link): Promise<void> {
    this.#closing ??= link.stop();
    return this.#closing;
  }

  async #fetch({ sha256, version }: BacktestModel, path: string): Promise<void> {
    const artifact = await this.#with.artifacts.find(sha256);
    if (artifact === undefined) {
      throw new FleetError('MODEL_RELEASE_NOT_FOUND', `The bundle of version ${version} is not kept any more.`);
    }
    await pipeline(artifact.read({ start: 0, end: artifact.lengthBytes }), createWriteStream(path));
  }
}
