/** The worker thread of a backtest: at low priority, with two engine processes that inherit it. */
import { parentPort, workerData } from 'node:worker_threads';
import { isModelError } from '@shoal/models';
import { BacktestTally } from '@shoal/models/backtest';
import type { BacktestEnd, BacktestOrder, BacktestProgress } from '../../../ports/backtest-runner.ts';
import { giveWay } from '../../../give-way.ts';
import { openForReading as openFeatures } from '../sqlite-features/features-file.ts';
import { openForReading as openTelemetry } from '../sqlite-telemetry/telemetry-file.ts';
import { asFault, type ThreadAnswer, type ThreadRequest } from '../sqlite-telemetry/thread-messages.ts';
import { AskedModel } from './asked-model.ts';
import { backtestEntities, countEntities } from './entity-backtest.ts';
import type { BacktestThreadData, BacktestThreadJobs } from './thread-messages.ts';
import { backtestWindows, type BacktestRun } from './windowed-backtest.ts';

type Request = ThreadRequest<BacktestThreadJobs>;

class BacktestThread {
  readonly #data: BacktestThreadData;
  readonly #stop = new AbortController();
  #tally: BacktestTally | undefined;
  #entities = 0;
  #expected: number | null = null;
  #running: Promise<unknown> = Promise.resolve();

  constructor(data: BacktestThreadData) {
    this.#data = data;
  }

  async perform(request: Request): Promise<unknown> {
    switch (request.job) {
      case 'run': {
        const running = this.#run(request.ask);
        this.#running = running.catch(() => undefined);
        return running;
      }
      case 'progress':
        return this.#progress();
      case 'close':
        this.#stop.abort();
        await this.#running;
        return null;
    }
  }

  #progress(): BacktestProgress | undefined {
    const rows = this.#tally?.rows;
    return rows === undefined ? undefined : { entities: this.#entities, expected: this.#expected, rows };
  }

  async #run({ order, folder }: BacktestThreadJobs['run']['ask']): Promise<BacktestEnd> {
    const opened: PromiseSettledResult<AskedModel>[] = [];
    try {
      const tally = tallyOf(order);
      this.#tally = tally;
      const open = (name: 'champion' | 'candidate'): Promise<AskedModel> =>
        AskedModel.open(order[name], { folder, name, version: this.#data.version }, tally[name]);
      opened.push(...(await Promise.allSettled([open('champion'), open('candidate')])));
      const [champion, candidate] = opened.map(openedModel);
      if (champion !== undefined && candidate !== undefined) await this.#compare(order, tally, { champion, candidate });
      if (this.#stop.signal.aborted) return { kind: 'stopped' };
      return { kind: 'finished', figures: tally.figures(), plots: tally.plots() };
    } catch (error) {
      if (isModelError(error)) return { kind: 'failed', code: error.code, message: error.message };
      throw error;
    } finally {
      for (const model of opened) if (model.status === 'fulfilled') await model.value.close();
    }
  }

  async #compare(order: BacktestOrder, tally: BacktestTally, models: BacktestRun['models']): Promise<void> {
    const run = { order, tally, models, stop: this.#stop.signal, onEntity: () => void (this.#entities += 1) };
    const isOfEntities = order.champion.layout !== undefined;
    const db = isOfEntities ? openFeatures(this.#data.featuresFile) : openTelemetry(this.#data.telemetryFile);
    try {
      this.#expected = isOfEntities ? countEntities(db, order.champion) : order.devices.length;
      await (isOfEntities ? backtestEntities(db, run) : backtestWindows(db, run));
    } finally {
      db.close();
    }
  }
}

const openedModel = (result: PromiseSettledResult<AskedModel>): AskedModel => {
  if (result.status === 'fulfilled') return result.value;
  throw result.reason;
};

const tallyOf = ({ champion, candidate, everyMs, incidents }: BacktestOrder): BacktestTally =>
  new BacktestTally({
    kind: champion.layout === undefined ? 'windows' : 'entities',
    versions: { champion: champion.version, candidate: candidate.version },
    stepMs: everyMs,
    incidents,
  });

const port = parentPort;
if (port !== null) {
  const say = (answer: ThreadAnswer): void => port.postMessage(answer);
  const data = workerData as BacktestThreadData;
  giveWay(data.niceness);
  const thread = new BacktestThread(data);
  port.on('message', (request: Request) => {
    thread.perform(request).then(
      (answer) => say({ id: request.id, answer }),
      (error: unknown) => say({ id: request.id, fault: asFault(error) }),
    );
  });
  say({ opened: true, isChecked: true });
}
