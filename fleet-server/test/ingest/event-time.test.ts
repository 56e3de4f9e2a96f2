/** Every record gets a time, and a verdict on how far that time can be believed. */
import { describe, expect, it } from '@jest/globals';
import { BOUNDS, type ClockState } from '@shoal/protocol';
import fc from 'fast-check';
import { placeInTime } from '../../src/ingest/event-time.ts';

const RECEIVED = 1_760_000_000_000;
const SYNCHRONISED: ClockState = { state: 'synchronised', offsetMs: 12_345 };

describe('placeInTime', () => {
  it('believes a synchronised clock within its bounds', () => {
    for (const observedAt of [RECEIVED - BOUNDS.clockPastMs, RECEIVED, RECEIVED + BOUNDS.clockFutureMs]) {
      expect(placeInTime(observedAt, SYNCHRONISED, RECEIVED)).toEqual({ eventAt: observedAt, clock: 'good' });
    }
  });

  it('places what is out of bounds at its receipt and says so', () => {
    for (const observedAt of [0, RECEIVED - BOUNDS.clockPastMs - 1, RECEIVED + BOUNDS.clockFutureMs + 1, 8.64e15]) {
      expect(placeInTime(observedAt, SYNCHRONISED, RECEIVED)).toEqual({ eventAt: RECEIVED, clock: 'bad' });
    }
  });

  it('shifts an unsynchronised clock by its measured offset', () => {
    const state: ClockState = { state: 'unsynchronised', offsetMs: RECEIVED - 5_000.4 };
    expect(placeInTime(4_000, state, RECEIVED)).toEqual({ eventAt: RECEIVED - 1_000, clock: 'adjusted' });
  });

  it('does not believe an unsynchronised clock without an offset', () => {
    expect(placeInTime(RECEIVED, { state: 'unsynchronised' }, RECEIVED)).toEqual({ eventAt: RECEIVED, clock: 'bad' });
  });

  it('always gives an instant of the contract', () => {
    const states = fc.record({
      state: fc.constantFrom('synchronised' as const, 'unsynchronised' as const),
      offsetMs: fc.double({ noNaN: true, noDefaultInfinity: true }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8_640_000_000_000_000 }), states, (observedAt, state) => {
        const { eventAt } = placeInTime(observedAt, state, RECEIVED);
        expect(Number.isSafeInteger(eventAt) && eventAt >= 0).toBe(true);
      }),
    );
  });
});
