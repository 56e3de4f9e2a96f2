/** Reads one sensor source for as long as the agent runs, and goes on whatever the source does. */
import type { EventRecorder } from '../outbox/event-recorder.port.ts';
import type { HealthBoard } from '../health/health-board.port.ts';
import { isAgentError, sentenceOf, type AgentErrorCode } from '../errors.ts';
import type { Clock, Logger } from '../runtime.ts';
import { pause } from './pause.ts';
import { sensorTransition, type SensorState } from './sensor-health.ts';
import type { Sample, SensorSource, SourceReport } from './sensor-source.port.ts';

export interface SensorFeedOptions {
  readonly source: SensorSource;
  /** A source that is quiet for longer is silent; Infinity for one that may be. */
  readonly silenceMs: number;
  /** Milliseconds before the n-th attempt in a row after a failure, n from 0. */
  readonly retryPauseMs: (attempt: number) => number;
  readonly events: EventRecorder;
  readonly health: HealthBoard;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes each sample; a source that can wait is held back until it resolves. */
  readonly deliver: (source: SensorSource, sample: Sample) => Promise<void>;
}

export interface SensorStatus extends SourceReport {
  readonly name: string;
  readonly state: SensorState;
  readonly samples: number;
  readonly lastObservedAt: number | null;
  readonly channels: readonly string[];
  readonly units?: Readonly<Record<string, string>>;
}

/** At most one event about bad rows in this time. */
const BAD_ROWS_MS = 60_000;

export class SensorFeed {
  readonly #options: SensorFeedOptions;
  #state: SensorState = 'starting';
  #enabled = true;
  #samples = 0;
  #lastObservedAt: number | null = null;
  #badReported = 0;
  #badReportedAt = -Infinity;
  #silence: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();

  constructor(options: SensorFeedOptions) {
    this.#options = options;
  }

  /** `ended` tells when the source had no more to give; a source that never ends leaves it pending. */
  start(signal: AbortSignal): { readonly ended: Promise<void> } {
    this.#reading = this.#read(signal);
    return { ended: this.#reading };
  }

  /** Resolves when the source is closed; the signal given to `start` must have been aborted. */
  async stop(): Promise<void> {
    await this.#reading;
  }

  /** While disabled, samples are read and thrown away. */
  setEnabled(enabled: boolean): void {
    if (this.#enabled === enabled) return;
    this.#enabled = enabled;
    if (this.#state !== 'ended') this.#become(enabled ? 'starting' : 'disabled', 'by desired configuration');
  }

  status(): SensorStatus {
    const { source } = this.#options;
    return {
      name: source.name,
      state: this.#state,
      samples: this.#samples,
      lastObservedAt: this.#lastObservedAt,
      channels: source.channels,
      ...(source.units !== undefined && { units: source.units }),
      ...source.report(),
    };
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { source, retryPauseMs } = this.#options;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const before = this.#samples;
      try {
        await this.#readOnce(signal);
        if (!signal.aborted) this.#end();
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#become('failed', sentenceOf(error));
        if (isAgentError(error) && !error.retryable) return;
        if (source.canWait && this.#samples > before) return;
        if (this.#samples > before) failures = 0;
      } finally {
        clearTimeout(this.#silence);
      }
      await pause(retryPauseMs(failures), signal);
    }
  }

  async #readOnce(signal: AbortSignal): Promise<void> {
    const { source, deliver, clock } = this.#options;
    this.#awaitSample();
    for await (const sample of source.samples(signal)) {
      if (signal.aborted) return;
      this.#awaitSample();
      if (!this.#enabled) continue;
      this.#become('running', 'it speaks again');
      this.#samples += 1;
      this.#lastObservedAt = sample.observedAt;
      if (clock.monotonic() - this.#badReportedAt >= BAD_ROWS_MS) this.#reportBadRows();
      await deliver(source, sample);
    }
  }

  #awaitSample(): void {
    const { silenceMs } = this.#options;
    if (silenceMs === Infinity) return;
    if (this.#silence !== undefined) this.#silence.refresh();
    else this.#silence = setTimeout(() => this.#fallSilent(), silenceMs);
  }

  #fallSilent(): void {
    if (this.#enabled) this.#become('silent', `nothing came for ${this.#options.silenceMs} ms`);
  }

  #end(): void {
    const { rowsRead } = this.#options.source.report();
    this.#become('ended', `it has no more after ${rowsRead} rows`);
    this.#reportBadRows();
  }

  /** One event for what came together since the last one. */
  #reportBadRows(): void {
    const { source, events, clock } = this.#options;
    const { bad } = source.report();
    const total = Object.values(bad).reduce((sum, count) => sum + count, 0);
    if (total === this.#badReported) return;
    this.#badReported = total;
    this.#badReportedAt = clock.monotonic();
    const code: AgentErrorCode = 'SENSOR_ROWS_INVALID';
    const message = `${source.name} has given ${total} rows or values so far that cannot be used.`;
    events.record('sensor.bad-rows', 'warning', message, { sensor: source.name, code, ...bad });
  }

  #become(state: SensorState, why: string): void {
    const { source, events, health, logger } = this.#options;
    const from = this.#state;
    if (from === state) return;
    this.#state = state;
    const { event, degraded } = sensorTransition(from, state);
    const sentence = `Sensor ${source.name} is ${state}: ${why}.`;
    logger.debug({ sensor: source.name, from, state, why }, 'sensor state');
    if (degraded) health.raise('SENSOR_STOPPED', source.name, sentence);
    else health.clear('SENSOR_STOPPED', source.name);
    if (event !== null) events.record(event.kind, event.severity, sentence, { sensor: source.name, state });
  }
}
