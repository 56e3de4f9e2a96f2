/** Cuts the samples of one source, or of several together, into the windows of one model, by event time, as the model's window plan defines them. */
import type { WindowSample } from '../features/resample.ts';
import { hasCoverage, windowStartsContaining, type WindowSpec } from '../features/window-plan.ts';
import { RingBuffer } from './ring-buffer.ts';

/** Half-open [startAt, endAt) in event time; samples in order of arrival. */
export interface AssembledWindow {
  readonly startAt: number;
  readonly endAt: number;
  readonly samples: readonly WindowSample[];
  /** Samples the source had given since the assembler began, before the one that closed the window: at least all up to its end. */
  readonly samplesSeen: number;
}

export interface WindowAssemblerOptions {
  readonly spec: WindowSpec;
  readonly channels: readonly string[];
  /** A window is held open this long, in event time, after its end was passed. */
  readonly allowedLatenessMs: number;
  /** Samples held at most; with more, the oldest are given up and counted. */
  readonly maxSamples: number;
}

export interface WindowCounters {
  readonly emitted: number;
  /** Windows whose time passed with too few samples. */
  readonly incomplete: number;
  /** Samples that came after a window they belong to had closed. */
  readonly late: number;
  /** Samples given up for the bound of the buffer. */
  readonly overflowed: number;
}

export class WindowAssembler {
  readonly #options: WindowAssemblerOptions;
  readonly #samples: RingBuffer<WindowSample>;
  /** Start instants of open windows that have a sample. */
  readonly #open = new Set<number>();
  /** Samples before the one being added. */
  #seen = 0;
  #newestAt = -Infinity;
  #completeUpTo = -Infinity;
  /** Windows that end at or before this are closed. */
  #closedUpTo = -Infinity;
  #counters = { emitted: 0, incomplete: 0, late: 0, overflowed: 0 };

  constructor(options: WindowAssemblerOptions) {
    this.#options = options;
    this.#samples = new RingBuffer(options.maxSamples);
  }

  /** Windows that close by this sample, by start. `completeUpTo`: where several sources meet, how far the slowest has come. */
  add(observedAt: number, values: WindowSample['values'], completeUpTo = observedAt): AssembledWindow[] {
    const { spec, allowedLatenessMs } = this.#options;
    const starts = windowStartsContaining(observedAt, spec);
    const open = starts.filter((startAt) => startAt + spec.lengthMs > this.#closedUpTo);
    if (open.length < starts.length) this.#counters.late += 1;
    for (const startAt of open) this.#open.add(startAt);
    if (open.length > 0) this.#keep({ observedAt, values: this.#pick(values) });
    this.#newestAt = Math.max(this.#newestAt, observedAt);
    this.#completeUpTo = Math.max(this.#completeUpTo, completeUpTo);
    const windows = this.#close(this.#completeUpTo - allowedLatenessMs);
    this.#seen += 1;
    return windows;
  }

  /** The source has no more: windows whose end was passed need not wait for late samples. The last, partial ones stay out. */
  flush(): AssembledWindow[] {
    return this.#close(this.#newestAt);
  }

  counters(): WindowCounters {
    return { ...this.#counters };
  }

  #pick(values: WindowSample['values']): WindowSample['values'] {
    return Object.fromEntries(this.#options.channels.map((channel) => [channel, values[channel] ?? null]));
  }

  #keep(sample: WindowSample): void {
    if (this.#samples.push(sample) !== undefined) this.#counters.overflowed += 1;
  }

  #close(upTo: number): AssembledWindow[] {
    const { spec } = this.#options;
    if (upTo <= this.#closedUpTo) return [];
    this.#closedUpTo = upTo;
    const due = [...this.#open].filter((startAt) => startAt + spec.lengthMs <= upTo).sort((a, b) => a - b);
    const windows = due.map((startAt) => this.#cut(startAt)).filter((window) => window !== undefined);
    this.#forget();
    return windows;
  }

  #cut(startAt: number): AssembledWindow | undefined {
    const { spec } = this.#options;
    const endAt = startAt + spec.lengthMs;
    this.#open.delete(startAt);
    const samples = [...this.#samples].filter((sample) => sample.observedAt >= startAt && sample.observedAt < endAt);
    if (!hasCoverage(samples.length, spec)) {
      this.#counters.incomplete += 1;
      return undefined;
    }
    this.#counters.emitted += 1;
    return { startAt, endAt, samples, samplesSeen: this.#seen };
  }

  /** Samples at the front that no open window can hold any more. */
  #forget(): void {
    const { lengthMs, hopMs } = this.#options.spec;
    const neededFrom = Math.floor((this.#closedUpTo - lengthMs) / hopMs) * hopMs;
    for (let oldest = this.#samples.peek(); oldest !== undefined; oldest = this.#samples.peek()) {
      if (oldest.observedAt >= neededFrom) return;
      this.#samples.shift();
    }
  }
}
