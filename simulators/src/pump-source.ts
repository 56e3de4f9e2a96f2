/** A simulated pump as the sensor of a full agent: one sample per period, what was given is told. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Sample, SensorSource, SourceReport } from '@shoal/device-agent';
import type { DeviceClock } from './faults/clock.ts';
import type { GivenSample } from './ledger/compare-samples.ts';
import { PUMP_SOURCE } from './light-pump.ts';
import { PUMP_CHANNELS } from './physics/channels.ts';
import type { PumpStream } from './physics/pump-stream.ts';

export interface PumpSourceOptions {
  readonly stream: PumpStream;
  readonly clock: DeviceClock;
  readonly periodMs: number;
  /** Event time of one sample to the next; the period unless a test wants windows sooner. */
  readonly stepMs?: number;
  /** Before the agent gets it. */
  readonly onGiven?: (sample: GivenSample) => void;
}

export class PumpSource implements SensorSource {
  readonly name = PUMP_SOURCE;
  readonly channels = Object.keys(PUMP_CHANNELS);
  readonly canWait = false;
  private readonly options: PumpSourceOptions;
  private silence: AbortController | undefined;
  private given = 0;

  constructor(options: PumpSourceOptions) {
    this.options = options;
  }

  report(): SourceReport {
    return { rowsRead: this.given, bad: {}, timeShiftMs: null };
  }

  /** The last sample was given; `samples` ends. */
  fallSilent(): void {
    this.silence?.abort();
  }

  // Event time moves in equal steps from the first sample on.
  async *samples(signal: AbortSignal): AsyncGenerator<Sample> {
    const { stream, clock, periodMs, stepMs = periodMs, onGiven } = this.options;
    this.silence = new AbortController();
    const ended = AbortSignal.any([signal, this.silence.signal]);
    const startedAt = performance.now();
    const firstAt = clock();
    for (let index = 0; ; index += 1) {
      const waitMs = startedAt + index * periodMs - performance.now();
      if (waitMs > 0) await pause(waitMs, undefined, { signal: ended }).catch(() => undefined);
      if (ended.aborted) return;
      const sample = { observedAt: Math.round(firstAt + index * stepMs), values: stream.next(stepMs) };
      this.given += 1;
      onGiven?.(sample);
      yield sample;
    }
  }
}
