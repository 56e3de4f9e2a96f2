/** A model on a clock of its own: takes exactly a + b·rows, one run at a time, and misbehaves where a row says so. */
import {
  ModelError,
  type InferOptions,
  type InferResult,
  type ModelHandle,
  type ModelStats,
  type SchedulerClock,
} from '@shoal/models';
import type { Tensor, Tensors } from '@shoal/protocol';

interface Event {
  readonly at: number;
  readonly sequence: number;
  readonly run: () => void;
}

/** Time passes only in `run`, from one event to the next; promises settle in between. */
export class VirtualClock implements SchedulerClock {
  #now = 0;
  #sequence = 0;
  readonly #events = new Set<Event>();

  now(): number {
    return this.#now;
  }

  soon(run: () => void): void {
    this.after(0, run);
  }

  after(delayMs: number, run: () => void): () => void {
    this.#sequence += 1;
    const event = { at: this.#now + delayMs, sequence: this.#sequence, run };
    this.#events.add(event);
    return () => void this.#events.delete(event);
  }

  async sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.after(ms, resolve);
    return promise;
  }

  /** What will happen by itself: 0 for a scheduler without work. */
  get pending(): number {
    return this.#events.size;
  }

  /** Until nothing is left to happen. `afterEach` looks at the state between two events. */
  async run(afterEach: () => void = () => undefined): Promise<void> {
    await settled();
    for (let next = this.#first(); next !== undefined; next = this.#first()) {
      this.#events.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settled();
      afterEach();
    }
  }

  #first(): Event | undefined {
    let first: Event | undefined;
    for (const event of this.#events)
      if (first === undefined || event.at < first.at || (event.at === first.at && event.sequence < first.sequence))
        first = event;
    return first;
  }
}

/** After every promise that can settle has. */
const settled = async (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** A row that starts with this fails the run; the process stays. */
export const POISON = -1;
/** A row that starts with this costs the process its life. */
export const KILLER = -2;

export interface VirtualModelOptions {
  readonly clock: VirtualClock;
  readonly a: number;
  readonly b: number;
  /** Milliseconds a killer takes. */
  readonly hangMs?: number;
  /** Adds to every row what was before it: right alone, wrong in a batch. */
  readonly cumulative?: boolean;
}

const NO_STATS: ModelStats = {
  engine: 'native-child',
  runtime: 'virtual',
  pid: 1,
  residentBytes: 1_000,
  requests: 0,
  failures: 0,
  losses: 0,
  queued: 0,
  elapsedMs: null,
};

/** x FP32 [rows, width] -> y FP32 [rows, 1]: twice the sum of the row. */
export class VirtualModel implements ModelHandle {
  readonly signature: ModelHandle['signature'] = {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, -1] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
    nonFiniteInputs: 'refuse',
    nonFiniteOutputs: 'refuse',
  };
  readonly #options: VirtualModelOptions;
  /** Milliseconds by which every run is slower than it was. */
  delayMs = 0;
  #isRunning = false;
  #closed = false;
  /** Rows of every run, in order. */
  readonly runs: number[] = [];
  /** First values of all rows that were run. */
  readonly seen: number[] = [];
  losses = 0;
  /** Rejects at once with this while set. */
  outOfService: ModelError | null = null;
  slowness = 1;

  constructor(options: VirtualModelOptions) {
    this.#options = options;
  }

  async infer(inputs: Tensors, options: InferOptions = {}): Promise<InferResult> {
    if (this.#closed) throw new ModelError('MODEL_CLOSED', 'closed');
    if (this.outOfService !== null) throw this.outOfService;
    if (this.#isRunning) throw new Error('Two runs at once on one instance');
    this.#isRunning = true;
    try {
      return await this.#infer(inputs, options.batch?.onLoss ?? 'retry');
    } finally {
      this.#isRunning = false;
    }
  }

  stats(): ModelStats {
    return { ...NO_STATS, losses: this.losses };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** As `runWithRetry`, where one killer in a request of several rows is found row by row. */
  async #infer({ x }: Tensors, onLoss: 'retry' | 'report' | 'blame'): Promise<InferResult> {
    const { clock, a, b, hangMs = 100, cumulative = false } = this.#options;
    const [rows = 0, width = 0] = x?.shape ?? [];
    const data = Array.from({ length: rows }, (_, row) =>
      Array.from({ length: width }, (__, column) => Number(x?.data[row * width + column])),
    );
    this.runs.push(rows);
    this.seen.push(...data.map(([first = 0]) => first));
    if (data.some(([first]) => first === KILLER)) {
      const lives = onLoss === 'retry' ? 2 : 1;
      this.losses += lives;
      await clock.sleep(hangMs * lives);
      throw new ModelError(onLoss === 'report' ? 'ENGINE_CRASHED' : 'INPUT_BREAKS_MODEL', 'killed');
    }
    const elapsedMs = (a + b * rows) * this.slowness;
    await clock.sleep(elapsedMs + this.delayMs);
    if (this.#closed) throw new ModelError('MODEL_CLOSED', 'closed');
    if (data.some(([first]) => first === POISON)) throw new ModelError('MODEL_RUN_FAILED', 'poisoned');
    const sums = data.map((row) => 2 * row.reduce((sum, value) => sum + value, 0));
    const answer = cumulative ? sums.map((_, i) => sums.slice(0, i + 1).reduce((sum, value) => sum + value, 0)) : sums;
    return { outputs: { y: { datatype: 'FP32', shape: [rows, 1], data: Float32Array.from(answer) } }, elapsedMs };
  }
}

/** FP32 [rows, width] whose rows are filled with one value each. */
export const rowsOf = (values: readonly number[], width = 1): Tensors => ({
  x: {
    datatype: 'FP32',
    shape: [values.length, width],
    data: Float32Array.from(values.flatMap((value) => Array.from({ length: width }, () => value))),
  },
});

/** What a caller may do with its own buffers at any time. */
export const overwrite = (tensor: Tensor | undefined): void => {
  if (tensor?.data instanceof Float32Array) tensor.data.fill(99);
};
