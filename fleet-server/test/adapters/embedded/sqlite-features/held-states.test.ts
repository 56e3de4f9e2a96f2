/** States held in memory: never more bytes than allowed, what is read again stays longest, nothing that was forgotten comes back. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HeldStates, type Decode } from '../../../../src/adapters/embedded/sqlite-features/held-states.ts';

let said = 0;
/** So many numbers, none of which another state has. */
const state = (length: number): Float64Array => Float64Array.from({ length }, () => (said += 1));
const asIs: Decode<number[]> = (numbers, from, to) => [...numbers.subarray(from, to)];

describe('states held in memory', () => {
  it('holds what was read lately and lets older ones go, within its bytes', () => {
    const held = new HeldStates(400);
    for (let i = 0; i < 100; i += 1) {
      held.hold(1, `e-${i}`, state(6));
      held.get(1, 'e-0', asIs);
    }
    const kept = Array.from({ length: 100 }, (_, i) => i).filter((i) => held.get(1, `e-${i}`, asIs) !== undefined);
    expect(kept).toContain(0);
    expect(kept).toContain(99);
    expect(kept.length * 6 * 8).toBeLessThanOrEqual(400);
  });

  it('holds nothing that is larger than it may be', () => {
    const held = new HeldStates(100);
    held.hold(1, 'large', state(6));
    expect(held.get(1, 'large', asIs)).toBeUndefined();
  });

  it('equals a map of what was held and not forgotten since, wherever it answers at all', () => {
    const step = fc.record({
      what: fc.constantFrom('hold', 'hold', 'get', 'get', 'forget', 'clear'),
      viewNo: fc.integer({ min: 1, max: 2 }),
      entity: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      length: fc.integer({ min: 1, max: 6 }),
    });
    let [answered, wrong] = [0, 0];
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const held = new HeldStates(160);
        const truth = new Map<string, Float64Array>();
        for (const { what, viewNo, entity, length } of steps) {
          const key = `${viewNo}/${entity}`;
          if (what === 'hold') {
            const value = state(length);
            held.hold(viewNo, entity, value);
            truth.set(key, value);
          } else if (what === 'forget') {
            held.forget(viewNo, entity);
            truth.delete(key);
          } else if (what === 'clear') {
            held.clear();
            truth.clear();
          } else {
            const found = held.get(viewNo, entity, asIs);
            if (found === undefined) continue;
            answered += 1;
            wrong += found.join() === truth.get(key)?.join() ? 0 : 1;
          }
        }
      }),
    );
    expect(wrong).toBe(0);
    expect(answered).toBeGreaterThan(0);
  });
});
