/** The tree of `architecture.md` as a table, and what measurements change about it. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { choosePattern } from '../../src/advice/pattern-choice.ts';

const UNMEASURED = { edgeMs: null, realTimeMs: null };
const need = (latencyMs: number, over: { stream?: boolean; offline?: boolean } = {}) => ({
  stream: false,
  offline: false,
  latencyMs,
  ...over,
});

describe('the pattern', () => {
  it.each([
    ['a continuous stream', need(5_000, { stream: true }), 'streaming'],
    ['a stream that may take hours', need(7_200_000, { stream: true }), 'streaming'],
    ['milliseconds without a network', need(20, { offline: true }), 'edge'],
    ['hours without a network', need(7_200_000, { offline: true }), 'edge'],
    ['milliseconds online', need(20), 'real-time'],
    ['seconds online', need(5_000), 'real-time'],
    ['a minute online', need(60_000), 'batch'],
    ['a day', need(86_400_000), 'batch'],
  ])('for %s', (_what, wanted, pattern) => {
    expect(choosePattern(wanted, UNMEASURED).pattern).toBe(pattern);
  });

  it('moves to the device when the way to the server is measured too long', () => {
    const choice = choosePattern(need(20), { edgeMs: 2, realTimeMs: 80 });
    expect(choice.pattern).toBe('edge');
    expect(choice.reasons.at(-1)?.because).toContain('2 ms');
    expect(choice.patterns.find(({ pattern }) => pattern === 'real-time')).toMatchObject({
      fits: false,
      expectedP95Ms: 80,
    });
  });

  it('says so when nothing holds', () => {
    const choice = choosePattern(need(20, { offline: true }), { edgeMs: 50, realTimeMs: 5 });
    expect(choice.pattern).toBe('edge');
    expect(choice.patterns.some(({ fits }) => fits)).toBe(false);
    expect(choice.reasons.at(-1)?.because).toContain('smaller model');
  });

  it('never is one that needs a network when there may be none, and fits whenever any does', () => {
    const ms = fc.option(fc.double({ min: 0.01, max: 1e5, noNaN: true }));
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 1, max: 90_000_000 }),
        fc.record({ edgeMs: ms, realTimeMs: ms }),
        (stream, offline, latencyMs, measured) => {
          const { pattern, patterns } = choosePattern({ stream, offline, latencyMs }, measured);
          const chosen = patterns.find((verdict) => verdict.pattern === pattern);
          expect(patterns).toHaveLength(4);
          expect(chosen?.fits).toBe(patterns.some(({ fits }) => fits));
          expect(offline && chosen?.fits === true ? pattern : 'edge').toBe('edge');
        },
      ),
    );
  });
});
