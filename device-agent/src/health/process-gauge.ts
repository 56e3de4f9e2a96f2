/** What the agent's process takes: memory, and how late its event loop is when that is watched. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface ProcessFacts {
  /** Of this process; engines have their own. */
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  /** Milliseconds a timer came too late since the start; null while nobody watches. */
  readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number } | null;
}

/** Milliseconds between two looks: each wakes the process, so nothing is watched unless somebody asks. */
const RESOLUTION_MS = 5;

export class ProcessGauge {
  #loopDelay: ReturnType<typeof monitorEventLoopDelay> | undefined;

  watchLoop(): void {
    this.#loopDelay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#loopDelay.enable();
  }

  stop(): void {
    this.#loopDelay?.disable();
  }

  facts(): ProcessFacts {
    const { rss: residentBytes, heapUsed: heapUsedBytes } = process.memoryUsage();
    return { residentBytes, heapUsedBytes, loopDelayMs: this.#delay() };
  }

  /** The histogram holds whole intervals: what is beyond the resolution is delay. */
  #delay(): ProcessFacts['loopDelayMs'] {
    const histogram = this.#loopDelay;
    if (histogram === undefined || histogram.count === 0) return null;
    const beyond = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
    return { p50: beyond(histogram.percentile(50)), p99: beyond(histogram.percentile(99)), max: beyond(histogram.max) };
  }
}
