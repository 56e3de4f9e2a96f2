/** A sensor that is asked at a fixed rate: what cannot be read of it becomes null with a mark, a device that is gone ends the source. */
import type { ValueMark } from '@shoal/protocol/wire';
import { AgentError } from '../errors.ts';
import type { Clock } from '../runtime.ts';
import { pause } from './pause.ts';
import type { Sample, SensorSource, SourceReport } from './sensor-source.port.ts';
import { Tally } from './tally.ts';
import { alignedSchedule, nextTick } from './tick-schedule.ts';

/** Channel → value, or null where it could not be read. */
export type PolledValues = Readonly<Record<string, number | null>>;

/** A device that is open. */
export interface PolledDevice {
  /** Channel → unit; its keys are the channels. */
  readonly units: Readonly<Record<string, string>>;
  /** Never throws for single channels. */
  read(): Promise<PolledValues>;
  /** Whether it is still there; asked when nothing of it could be read. */
  isThere(): Promise<boolean>;
}

export interface PolledSourceOptions {
  readonly name: string;
  readonly rateHz: number;
  /** Throws AgentError when there is no such device; then it is tried again after a pause. */
  readonly open: () => Promise<PolledDevice>;
  readonly clock: Clock;
}

const withMarks = (observedAt: number, values: PolledValues): Sample => {
  const unread = Object.keys(values).filter((channel) => values[channel] === null);
  if (unread.length === 0) return { observedAt, values };
  const marks: Record<string, ValueMark> = {};
  for (const channel of unread) marks[channel] = 'missing';
  return { observedAt, values, marks };
};

export class PolledSource implements SensorSource {
  readonly canWait = false;
  readonly name: string;
  readonly nominalRateHz: number;
  readonly #options: PolledSourceOptions;
  readonly #bad = new Tally();
  #units: Readonly<Record<string, string>> = {};
  #rowsRead = 0;

  constructor(options: PolledSourceOptions) {
    this.name = options.name;
    this.nominalRateHz = options.rateHz;
    this.#options = options;
  }

  get channels(): readonly string[] {
    return Object.keys(this.#units);
  }

  get units(): Readonly<Record<string, string>> {
    return this.#units;
  }

  report(): SourceReport {
    return { rowsRead: this.#rowsRead, bad: this.#bad.counts(), timeShiftMs: null };
  }

  // Never ends of itself. One read at a time: ticks that pass during a slow one are skipped and counted. Throws SENSOR_DEVICE_GONE and what `open` throws.
  async *samples(signal: AbortSignal): AsyncGenerator<Sample> {
    const { clock, rateHz } = this.#options;
    const device = await this.#options.open();
    this.#units = device.units;
    const schedule = alignedSchedule(rateHz, clock.now(), clock.monotonic());
    for (let lastIndex = -1; !signal.aborted;) {
      const { index, dueAt, skipped } = nextTick(schedule, lastIndex, clock.monotonic());
      if (skipped > 0 && lastIndex >= 0) this.#bad.add('tick-skipped', skipped);
      lastIndex = index;
      await pause(Math.max(0, dueAt - clock.monotonic()), signal);
      if (signal.aborted) return;
      const observedAt = clock.now();
      yield await this.#sample(observedAt, device);
    }
  }

  async #sample(observedAt: number, device: PolledDevice): Promise<Sample> {
    const values = await device.read();
    const channels = Object.keys(values);
    const unread = channels.filter((channel) => values[channel] === null).length;
    if (unread === channels.length && !(await device.isThere())) {
      throw new AgentError('SENSOR_DEVICE_GONE', `The device of ${this.name} is gone; it is looked for again.`);
    }
    this.#rowsRead += 1;
    if (unread > 0) this.#bad.add('channel-unreadable', unread);
    return withMarks(observedAt, values);
  }
}
