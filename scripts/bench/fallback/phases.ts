/** One agent that asks the fleet for every second window, while the network is cut, the server is slow, and the server dies. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createAgent, parseAgentConfig, type Agent, type Sample, type SensorSource } from '@shoal/device-agent';
import { sisterStream, type Testbed } from '@shoal/simulators';

const MODEL = 'pump-anomaly';
const BUDGET_MS = 1_000;
const CALIBRATION_ROWS = 400;
/** One window in 100 ms. */
const SAMPLE_MS = 10;
const PATIENCE_MS = 40_000;

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

interface Phase {
  readonly name: string;
  readonly windows: number;
  readonly answers: Readonly<Record<string, number>>;
  readonly asked: number;
  readonly overBudget: number;
  readonly longestMs: number;
}

export interface PhasesResult {
  readonly phases: readonly Phase[];
  readonly opened: number;
  readonly closed: number;
  readonly highestQueued: number;
  readonly highestUnderWay: number;
  readonly dropped: number;
  readonly unanswered: number;
  readonly hardExamples: number;
  readonly faults: readonly string[];
}

interface Watched {
  highestQueued: number;
  highestUnderWay: number;
}

const modelOf = (agent: Agent) => {
  const [model] = agent.status().models;
  if (model === undefined) throw new Error('The agent has no model.');
  return model;
};

const until = async (agent: Agent, seen: Watched, holds: () => boolean): Promise<boolean> => {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (!holds()) {
    const { inference, fallback } = modelOf(agent);
    seen.highestQueued = Math.max(seen.highestQueued, inference.queued);
    seen.highestUnderWay = Math.max(seen.highestUnderWay, fallback?.underWay ?? 0);
    if (performance.now() > giveUpAt) return false;
    await pause(10);
  }
  return true;
};

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

export const playPhases = async (
  bed: Testbed,
  dataDir: string,
  { windowsEach, log }: { readonly windowsEach: number; readonly log: (line: string) => void },
): Promise<PhasesResult> => {
  const config = parseAgentConfig({
    deviceId: 'fallback-phases',
    dataDir: join(dataDir, 'phases'),
    fleet: { port: bed.devicePort, reconnectFirstMs: 50, reconnectMaxMs: 500 },
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
  const seen: Watched = { highestQueued: 0, highestUnderWay: 0 };
  const phases: Phase[] = [];
  const faults: string[] = [];
  const must = async (what: string, holds: () => boolean): Promise<void> => {
    if (!(await until(agent, seen, holds))) faults.push(`${what} did not come about.`);
  };
  const breaker = () => modelOf(agent).fallback?.breaker ?? { state: 'closed', opened: 0, closed: 0 };
  const phase = async (name: string): Promise<void> => {
    const before = modelOf(agent);
    const goal = before.inference.predictions + windowsEach;
    await must(`${name}: ${windowsEach} answers`, () => modelOf(agent).inference.predictions >= goal);
    // Windows come ten times as fast as the budget: until the breaker opens some wait, and afterwards none.
    await must(`${name}: the queue empties`, () => modelOf(agent).inference.queued === 0);
    const { fallback, inference } = modelOf(agent);
    const answersBefore = before.fallback?.answers ?? {};
    log(`${name}: ${JSON.stringify(fallback)}`);
    phases.push({
      name,
      windows: inference.predictions - before.inference.predictions,
      answers: Object.fromEntries(
        Object.entries(fallback?.answers ?? {}).map(([source, count]) => [
          source,
          count - ((answersBefore as Record<string, number>)[source] ?? 0),
        ]),
      ),
      asked: sum(fallback?.asked ?? {}) - sum(before.fallback?.asked ?? {}),
      overBudget: (fallback?.overBudget ?? 0) - (before.fallback?.overBudget ?? 0),
      longestMs: fallback?.longestMs ?? 0,
    });
  };
  const recovered = async (name: string): Promise<void> => {
    const cloud = modelOf(agent).fallback?.answers.cloud ?? 0;
    await must(`${name}: the breaker closes again`, () => breaker().state === 'closed');
    await must(`${name}: the fleet answers again`, () => (modelOf(agent).fallback?.answers.cloud ?? 0) > cloud);
  };
  await agent.start();
  log(`budget ${BUDGET_MS} ms, a window in ${10 * SAMPLE_MS} ms`);
  try {
    await must('the first answer of the fleet', () => (modelOf(agent).fallback?.answers.cloud ?? 0) > 0);
    // The calibration comes in one burst, and the source waits for it.
    await must('windows in step', () => modelOf(agent).inference.queued === 0);
    seen.highestQueued = 0;
    await phase('healthy');
    bed.network({ blackhole: true });
    await phase('cut');
    await must('cut: the breaker opens', () => breaker().opened > 0);
    bed.network(undefined);
    bed.resetConnections();
    await recovered('cut');
    bed.network({ latencyMs: 2 * BUDGET_MS });
    await phase('slow');
    bed.network(undefined);
    await recovered('slow');
    await bed.killServer();
    await phase('dead');
    await bed.startServer();
    await recovered('dead');
    await phase('healthy again');
    const { inference, fallback } = modelOf(agent);
    const { opened, closed } = breaker();
    return {
      phases,
      opened,
      closed,
      ...seen,
      dropped: inference.dropped,
      unanswered: sum(inference.failed),
      hardExamples: fallback?.hardExamples.kept ?? 0,
      faults,
    };
  } finally {
    bed.network(undefined);
    await agent.stop();
  }
};
