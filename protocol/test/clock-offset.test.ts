/** The four instants of a `time` exchange: offset and round trip as NTP has them. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { clockOffset } from '../src/index.ts';

const delay = fc.integer({ min: 0, max: 60_000 });

test('the round trip is exact and the offset is off by half the asymmetry of the path, never more', () => {
  const offset = fc.integer({ min: -1e12, max: 1e12 });
  fc.assert(
    fc.property(offset, delay, delay, delay, (trueOffset, there, served, back) => {
      const deviceTime = 1_760_000_000_000;
      const receivedAt = deviceTime + there + trueOffset;
      const sentAt = receivedAt + served;
      const measured = clockOffset({ deviceTime, receivedAt, sentAt }, deviceTime + there + served + back);
      expect(measured.roundTripMs).toBe(there + back);
      expect(measured.offsetMs - trueOffset).toBe((there - back) / 2);
      expect(Math.abs(measured.offsetMs - trueOffset)).toBeLessThanOrEqual(measured.roundTripMs / 2);
    }),
  );
});
