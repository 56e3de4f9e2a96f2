/** A recording as a sensor: every row once, in file order, at a multiple of the speed it was recorded with. */
import type { Clock } from '../runtime.ts';
import { pause } from './pause.ts';
import { replayShiftMs, type TimeMapping } from './recorded-time.ts';
import { readRecording, scanRecording, type RecordingFormat } from './recording.ts';
import type { Sample, SensorSource, SourceReport } from './sensor-source.port.ts';
import { Tally } from './tally.ts';

export interface ReplayOptions extends RecordingFormat {
  readonly name: string;
  /** 1 is the recorded speed. */
  readonly speed: number;
  readonly timeMapping: TimeMapping;
  readonly clock: Clock;
}

/** Waits shorter than this are left out: a timer would be late by as much. */
const SHORTEST_PAUSE_MS = 2;

export class ReplaySource implements SensorSource {
  readonly canWait = true;
  readonly name: string;
  readonly #options: ReplayOptions;
  readonly #bad = new Tally();
  #channels: readonly string[] = [];
  #rowsRead = 0;
  #timeShiftMs: number | null = null;

  constructor(options: ReplayOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get channels(): readonly string[] {
    return this.#channels;
  }

  report(): SourceReport {
    return { rowsRead: this.#rowsRead, bad: this.#bad.counts(), timeShiftMs: this.#timeShiftMs };
  }

  // Throws as `readRecording`. A replay that is held back catches up afterwards.
  async *samples(signal: AbortSignal): AsyncGenerator<Sample> {
    const { clock, speed, timeMapping } = this.#options;
    const summary = await scanRecording(this.#options);
    this.#channels = summary.channels;
    const shiftMs = replayShiftMs(timeMapping, summary.newestAt, clock.now());
    this.#timeShiftMs = shiftMs;
    const startedAt = clock.monotonic();
    let firstAt: number | undefined;
    for await (const row of readRecording(this.#options, (reason) => this.#countBad(reason))) {
      firstAt ??= row.observedAt;
      const waitMs = startedAt + (row.observedAt - firstAt) / speed - clock.monotonic();
      if (waitMs >= SHORTEST_PAUSE_MS) await pause(waitMs, signal);
      if (signal.aborted) return;
      this.#rowsRead += 1;
      yield { ...row, observedAt: row.observedAt + shiftMs };
    }
  }

  #countBad(reason: string): void {
    this.#bad.add(reason);
    if (reason !== 'non-numeric-value') this.#rowsRead += 1;
  }
}
