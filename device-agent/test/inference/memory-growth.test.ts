import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import { steadyGrowth } from '../../src/inference/memory-growth.ts';

const MB = 1e6;
const noise = fc.array(fc.integer({ min: 0, max: 1.9 * MB }), { minLength: 8, maxLength: 200 });

describe('steady growth of a process', () => {
  it('is none where memory swings by less than a leak, however long, nor where it grows in one step', () => {
    fc.assert(
      fc.property(noise, fc.nat(), (swings, at) => {
        const step = (index: number): number => (index >= at % swings.length ? 50 * MB : 0);
        expect(steadyGrowth(swings.map((bytes) => 100 * MB + bytes))).toBe(0);
        expect(steadyGrowth(swings.map((_, index) => 100 * MB + step(index)))).toBe(0);
      }),
    );
  });

  it('is what a leak came to, through the same swings, and says nothing of a few looks', () => {
    fc.assert(
      fc.property(noise, fc.integer({ min: 4 * MB, max: 40 * MB }), (swings, perQuarter) => {
        const quarter = Math.floor(swings.length / 4);
        const held = swings.map((bytes, index) => 100 * MB + bytes + (perQuarter / quarter) * index);
        expect(Math.abs(steadyGrowth(held) - 3 * perQuarter)).toBeLessThan(2 * MB);
        expect(steadyGrowth(held.slice(0, 7))).toBe(0);
      }),
    );
  });
});
