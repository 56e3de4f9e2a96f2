/** Where the server places a record in time: a wrong clock is never a reason to refuse, only to say so. */
import { BOUNDS, type ClockState, type ClockVerdict } from '@shoal/protocol';

export interface Placement {
  /** Milliseconds since the Unix epoch. */
  readonly eventAt: number;
  readonly clock: ClockVerdict;
}

const isPlausible = (at: number, receivedAt: number): boolean =>
  at >= Math.max(0, receivedAt - BOUNDS.clockPastMs) && at <= receivedAt + BOUNDS.clockFutureMs;

/**
 * `good`: the device's own time. `adjusted`: an unsynchronised clock whose measured offset brings the record near the
 * present. `bad`: neither is believable, so the record is placed at its receipt.
 */
export const placeInTime = (observedAt: number, state: ClockState, receivedAt: number): Placement => {
  const isSynchronised = state.state === 'synchronised';
  if (isSynchronised && isPlausible(observedAt, receivedAt)) return { eventAt: observedAt, clock: 'good' };
  if (!isSynchronised && state.offsetMs !== undefined) {
    const eventAt = Math.round(observedAt + state.offsetMs);
    if (isPlausible(eventAt, receivedAt)) return { eventAt, clock: 'adjusted' };
  }
  return { eventAt: receivedAt, clock: 'bad' };
};
