/**
 * A real agent in a process of its own, fed by a pump at a pace, that says what it does when it is asked; and how long each window
 * took from when it was whole to its recorded answer, seen from outside of the agent.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { createAgent, parseAgentConfig, type Agent, type Sample, type SensorSource } from '@shoal/device-agent';
import { sisterStream } from '@shoal/simulators';
import { serveOrders } from '../load/child.ts';

export interface PacedAgentOrder {
  readonly what: 'start' | 'look' | 'stop';
  readonly devicePort: number;
  readonly dataDir: string;
}

export interface AgentView {
  readonly answers: Readonly<Record<string, number>>;
  readonly asked: Readonly<Record<string, number>>;
  readonly notAsked: Readonly<Record<string, number>>;
  readonly failedQuestions: Readonly<Record<string, number>>;
  readonly breaker: { readonly state: string; readonly opened: number; readonly closed: number };
  readonly hardExamples: number;
  readonly late: number;
  /** By the agent's own clock, which does not wait until somebody looks. */
  readonly overBudget: number;
  readonly queued: number;
  readonly dropped: number;
  readonly unanswered: number;
  /** Since the last look: windows answered, with the time each took in milliseconds. */
  readonly tookMs: readonly number[];
  readonly highestQueued: number;
  readonly highestUnderWay: number;
  /** Longest time the process did not come to run. */
  readonly longestStallMs: number;
}

export const BUDGET_MS = 1_000;
/** One window in 100 ms. */
export const SAMPLE_MS = 10;
const MODEL = 'pump-anomaly';
const CALIBRATION_ROWS = 400;
const LOOK_MS = 5;
const NANOSECONDS_PER_MS = 1e6;

/** A pump whose calibration comes at once, and the rest at a pace. */
class PacedPump implements SensorSource {
  readonly name = 'pump';
  readonly canWait = true;
  readonly #stream = sisterStream('fallback-phases', []);
  readonly channels = Object.keys(this.#stream.next(1_000));
  #given = 0;

  report() {
    return { rowsRead: this.#given, bad: {}, timeShiftMs: null };
  }

  async *samples(signal: AbortSignal): AsyncGenerator<Sample> {
    const firstAt = Date.now();
    for (; !signal.aborted; this.#given += 1) {
      if (this.#given > CALIBRATION_ROWS + 30) await pause(SAMPLE_MS, undefined, { signal }).catch(() => undefined);
      yield { observedAt: firstAt + this.#given * 1_000, values: this.#stream.next(1_000) };
    }
  }
}

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

class Watched {
  readonly #agent: Agent;
  /** Instants at which windows that wait for their answer were seen whole, in their order. */
  readonly #wholeAt: number[] = [];
  readonly #delay = monitorEventLoopDelay({ resolution: 1 });
  readonly #timer: NodeJS.Timeout;
  #emitted = 0;
  #answered = 0;
  #tookMs: number[] = [];
  #highestQueued = 0;
  #highestUnderWay = 0;

  constructor(agent: Agent) {
    this.#agent = agent;
    this.#delay.enable();
    this.#timer = setInterval(() => this.#watch(), LOOK_MS);
  }

  look(): AgentView {
    this.#watch();
    const { inference, fallback } = this.#model();
    const view = {
      answers: fallback?.answers ?? {},
      asked: fallback?.asked ?? {},
      notAsked: fallback?.notAsked ?? {},
      failedQuestions: fallback?.failed ?? {},
      breaker: fallback?.breaker ?? { state: 'closed', opened: 0, closed: 0 },
      hardExamples: fallback?.hardExamples.kept ?? 0,
      late: fallback?.late ?? 0,
      overBudget: fallback?.overBudget ?? 0,
      queued: inference.queued,
      dropped: inference.dropped,
      unanswered: sum(inference.failed),
      tookMs: this.#tookMs,
      highestQueued: this.#highestQueued,
      highestUnderWay: this.#highestUnderWay,
      longestStallMs: this.#delay.max / NANOSECONDS_PER_MS,
    };
    this.#tookMs = [];
    this.#highestQueued = 0;
    this.#highestUnderWay = 0;
    this.#delay.reset();
    return view;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#agent.stop();
  }

  /** Answers are recorded in the order of the windows, so the n-th answer is that of the n-th window. */
  #watch(): void {
    const now = performance.now();
    const { inference, fallback, windows } = this.#model();
    for (; this.#emitted < windows.emitted; this.#emitted += 1) this.#wholeAt.push(now);
    const answered = inference.predictions + inference.dropped + sum(inference.failed);
    for (; this.#answered < answered; this.#answered += 1) this.#tookMs.push(now - (this.#wholeAt.shift() ?? now));
    this.#highestQueued = Math.max(this.#highestQueued, inference.queued);
    this.#highestUnderWay = Math.max(this.#highestUnderWay, fallback?.underWay ?? 0);
  }

  #model() {
    const [model] = this.#agent.status().models;
    if (model === undefined) throw new Error('The agent has no model.');
    return model;
  }
}

const begin = async ({ devicePort, dataDir }: PacedAgentOrder): Promise<Watched> => {
  const config = parseAgentConfig({
    deviceId: 'fallback-phases',
    dataDir,
    fleet: { port: devicePort, reconnectFirstMs: 50, reconnectMaxMs: 500 },
    models: [{ bundle: MODEL, version: '1.1.0', calibrationSamples: CALIBRATION_ROWS }],
    fallback: {
      budgetMs: BUDGET_MS,
      siblings: { [MODEL]: { model: 'pump-anomaly-full', vectors: 24 } },
      policy: { auditShare: 0.5 },
      requestsPerMinute: 60_000,
      burst: 1_000,
    },
    publish: { everyNthReading: 1_000 },
    localApi: null,
    stopDrainMs: 0,
  });
  const agent = createAgent(config, { sensors: [new PacedPump()] });
  await agent.start();
  return new Watched(agent);
};

let watched: Watched | undefined;

serveOrders<PacedAgentOrder>(async (order) => {
  if (order.what === 'start') watched = await begin(order);
  else if (order.what === 'stop') await watched?.stop();
  else return watched?.look();
  return null;
});
