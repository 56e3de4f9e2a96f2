/** Made-up channels, a sine with noise each, the same for the same seed: for trying things without hardware. */
import type { Clock } from '../runtime.ts';
import { pause } from './pause.ts';
import type { Sample, SensorSource, SourceReport } from './sensor-source.port.ts';

export interface SyntheticChannel {
  readonly name: string;
  readonly mean: number;
  readonly amplitude: number;
  readonly periodS: number;
  /** Standard deviation. */
  readonly noise: number;
}

export interface SyntheticOptions {
  readonly name: string;
  readonly rateHz: number;
  readonly seed: number;
  readonly channels: readonly SyntheticChannel[];
  readonly clock: Clock;
}

/** mulberry32 (Tommy Ettinger, public domain): uniform in [0, 1). */
const seededRandom = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

/** Box and Muller 1958: standard normal from two uniform numbers. */
const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Values of sample `index`; deterministic in seed, rate and channels. */
const valuesAt = (
  { channels, rateHz }: SyntheticOptions,
  index: number,
  random: () => number,
): Record<string, number> =>
  Object.fromEntries(
    channels.map(({ name, mean, amplitude, periodS, noise }) => {
      const phase = (2 * Math.PI * index) / (rateHz * periodS);
      return [name, mean + amplitude * Math.sin(phase) + noise * normal(random)];
    }),
  );

export class SyntheticSource implements SensorSource {
  readonly canWait = false;
  readonly name: string;
  readonly channels: readonly string[];
  readonly #options: SyntheticOptions;
  #rowsRead = 0;

  constructor(options: SyntheticOptions) {
    this.name = options.name;
    this.channels = options.channels.map(({ name }) => name);
    this.#options = options;
  }

  report(): SourceReport {
    return { rowsRead: this.#rowsRead, bad: {}, timeShiftMs: null };
  }

  // Never ends of itself; ticks that were missed are left out.
  async *samples(signal: AbortSignal): AsyncGenerator<Sample> {
    const { clock, rateHz, seed } = this.#options;
    const random = seededRandom(seed);
    const periodMs = 1_000 / rateHz;
    let dueAt = clock.monotonic();
    for (let index = 0; !signal.aborted; index += 1) {
      this.#rowsRead += 1;
      yield { observedAt: clock.now(), values: valuesAt(this.#options, index, random) };
      dueAt = Math.max(dueAt + periodMs, clock.monotonic() - periodMs);
      await pause(Math.max(0, dueAt - clock.monotonic()), signal);
    }
  }
}
