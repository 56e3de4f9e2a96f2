/** Measures how far the device's clock is from the server's, and says whether it can be believed. */
import { clockOffset, type ClockState } from '@shoal/protocol/wire';
import { sentenceOf } from '../errors.ts';
import type { Clock, Logger } from '../runtime.ts';
import type { FleetConnection, LinkParticipant } from './fleet-link.port.ts';

export interface ClockOffsetOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly requestTimeoutMs: number;
  /** Between measurements while connected. */
  readonly intervalMs: number;
}

interface Measurement {
  readonly offsetMs: number;
  readonly roundTripMs: number;
  /** Both clocks of the device at the time, to notice when one of them steps. */
  readonly deviceAt: number;
  readonly monotonicAt: number;
}

/** A clock further off than this is not synchronised. */
const BELIEVABLE_OFFSET_MS = 60_000;
/** Before any measurement, a clock before this instant (2025-01-01) was never set. */
const NEVER_SET_BEFORE = 1_735_689_600_000;
/** Of the last measurements the one with the shortest round trip is the best (RFC 5905 section 10). */
const KEPT = 8;

export class ClockOffset implements LinkParticipant {
  readonly #options: ClockOffsetOptions;
  #measurements: Measurement[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ClockOffsetOptions) {
    this.#options = options;
  }

  online(connection: FleetConnection): void {
    this.offline();
    void this.#measure(connection);
    this.#timer = setInterval(() => void this.#measure(connection), this.#options.intervalMs);
  }

  offline(): void {
    clearInterval(this.#timer);
  }

  /** Server time minus device time in milliseconds; null until measured. A step of the device's clock is followed at once. */
  offsetMs(): number | null {
    const best = this.#best();
    return best === undefined ? null : best.offsetMs - this.#stepSince(best);
  }

  /** Shortest of the last measurements, milliseconds; null until measured. */
  roundTripMs(): number | null {
    return this.#best()?.roundTripMs ?? null;
  }

  state(): ClockState {
    const offsetMs = this.offsetMs();
    if (offsetMs === null) {
      const set = this.#options.clock.now() >= NEVER_SET_BEFORE;
      return { state: set ? 'synchronised' : 'unsynchronised' };
    }
    return { state: Math.abs(offsetMs) <= BELIEVABLE_OFFSET_MS ? 'synchronised' : 'unsynchronised', offsetMs };
  }

  /** Server time as far as known, for what the server dates; device time before any measurement. */
  serverNow(): number {
    return this.#options.clock.now() + (this.offsetMs() ?? 0);
  }

  /** Device time when it was found right and has not stepped since, else null. */
  trustedNow(): number | null {
    return this.offsetMs() !== null && this.state().state === 'synchronised' ? this.#options.clock.now() : null;
  }

  /** Milliseconds since the epoch by the server, or by a clock of the device that was ever set; null while nobody knows. */
  knownNow(): number | null {
    if (this.offsetMs() !== null) return this.serverNow();
    return this.state().state === 'synchronised' ? this.#options.clock.now() : null;
  }

  async #measure(connection: FleetConnection): Promise<void> {
    const { clock, logger, requestTimeoutMs } = this.#options;
    try {
      const reply = await connection.request('time', { deviceTime: clock.now() }, requestTimeoutMs);
      const measured = clockOffset(reply, clock.now());
      const measurement = { ...measured, deviceAt: clock.now(), monotonicAt: clock.monotonic() };
      this.#measurements = [...this.#measurements, measurement].slice(-KEPT);
    } catch (error) {
      logger.debug({ why: sentenceOf(error) }, 'the clock offset was not measured');
    }
  }

  #best(): Measurement | undefined {
    return [...this.#measurements].sort((a, b) => a.roundTripMs - b.roundTripMs)[0];
  }

  /** Milliseconds the device's clock moved beyond what passed. */
  #stepSince({ deviceAt, monotonicAt }: Measurement): number {
    const { clock } = this.#options;
    return clock.now() - deviceAt - (clock.monotonic() - monotonicAt);
  }
}
