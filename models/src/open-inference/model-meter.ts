/** Counts what a model did, in the terms of Triton's statistics extension. */
import type { InferResult } from '../engine/inference-engine.port.ts';

/** Times add up in nanoseconds. */
interface Duration {
  readonly count: number;
  readonly ns: number;
}

const NONE: Duration = { count: 0, ns: 0 };

const plus = ({ count, ns }: Duration, ms: number): Duration => ({
  count: count + 1,
  ns: ns + Math.round(Math.max(0, ms) * 1e6),
});

const STAGES = [
  'success',
  'fail',
  'queue',
  'compute_input',
  'compute_infer',
  'compute_output',
  'cache_hit',
  'cache_miss',
] as const;
type Stage = (typeof STAGES)[number];

interface BatchDurations {
  /** Rows. */
  readonly batch_size: number;
  readonly compute_input: Duration;
  readonly compute_infer: Duration;
  readonly compute_output: Duration;
}

/** `last_inference` in ms since the epoch; 0 before the first. */
export interface InferenceStatistics {
  readonly last_inference: number;
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<Stage, Duration>>;
  /** By rows of a batch, ascending; absent where nothing is batched. */
  readonly batch_stats?: readonly BatchDurations[];
}

export class ModelMeter {
  readonly #now: () => number;
  readonly #stages = new Map<Stage, Duration>();
  #lastInference = 0;
  #rows = 0;
  #executions = 0;

  /** `now` in ms since the epoch, for `last_inference` alone. */
  constructor(now: () => number = () => Date.now()) {
    this.#now = now;
  }

  /** Counts one inference of `rows` rows and passes on what it gives. What is not spent inside the runtime is queueing. */
  async measure<R extends InferResult>(rows: number, infer: () => Promise<R>): Promise<R> {
    const startedAt = performance.now();
    try {
      const result = await infer();
      const totalMs = performance.now() - startedAt;
      this.#lastInference = this.#now();
      this.#rows += rows;
      this.#executions += 1;
      this.#add('success', totalMs);
      this.#add('compute_infer', result.elapsedMs);
      this.#add('queue', totalMs - result.elapsedMs);
      return result;
    } catch (error) {
      this.#add('fail', performance.now() - startedAt);
      throw error;
    }
  }

  /** Milliseconds that one request took to be read and its answer to be written. */
  noteCoding(decodeMs: number, encodeMs: number): void {
    this.#add('compute_input', decodeMs);
    this.#add('compute_output', encodeMs);
  }

  statistics(): InferenceStatistics {
    return {
      last_inference: this.#lastInference,
      inference_count: this.#rows,
      execution_count: this.#executions,
      inference_stats: Object.fromEntries(
        STAGES.map((stage) => [stage, this.#stages.get(stage) ?? NONE]),
      ) as InferenceStatistics['inference_stats'],
    };
  }

  #add(stage: Stage, ms: number): void {
    this.#stages.set(stage, plus(this.#stages.get(stage) ?? NONE, ms));
  }
}
