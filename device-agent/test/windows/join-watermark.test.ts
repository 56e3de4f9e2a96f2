import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JoinWatermark } from '../../src/windows/join-watermark.ts';

const streams = ['a', 'b', 'c'];
const step = fc.record({ stream: fc.constantFrom(...streams), at: fc.integer({ min: 0, max: 1_000 }) });

describe('streams that meet', () => {
  it('are complete up to the slowest, or to what the bound allows', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1 }), fc.integer({ min: 0, max: 2_000 }), (steps, waitMs) => {
        const [join, exact] = [new JoinWatermark(streams, waitMs), new JoinWatermark(streams, Infinity)];
        const newest = new Map(streams.map((stream) => [stream, -Infinity]));
        for (const { stream, at } of steps) {
          join.advance(stream, at);
          exact.advance(stream, at);
          newest.set(stream, Math.max(newest.get(stream) ?? 0, at));
          const [slowest, fastest] = [Math.min(...newest.values()), Math.max(...newest.values())];
          expect(exact.completeUpTo).toBe(slowest);
          expect(join.completeUpTo).toBe(Math.max(slowest, fastest - waitMs));
        }
      }),
    );
  });

  it('never wait for each other in a circle: somebody may always go on', () => {
    fc.assert(
      fc.property(fc.array(step), fc.integer({ min: 0, max: 100 }), (steps, byMs) => {
        const join = new JoinWatermark(streams, Infinity);
        for (const { stream, at } of steps) join.advance(stream, at);
        expect(streams.some((stream) => !join.isAhead(stream, byMs, []))).toBe(true);
      }),
    );
  });

  it('are not held back by those that ended', () => {
    const join = new JoinWatermark(['a', 'b'], Infinity);
    join.advance('a', 100);
    expect(join.completeUpTo).toBe(-Infinity);
    expect(join.isAhead('a', 10, [])).toBe(true);
    expect(join.isAhead('a', 10, ['b'])).toBe(false);
    join.end('b');
    expect(join.completeUpTo).toBe(100);
    expect(join.isAhead('a', 10, [])).toBe(false);
    join.end('a');
    expect(join.allEnded).toBe(true);
    expect(join.completeUpTo).toBe(100);
  });
});
