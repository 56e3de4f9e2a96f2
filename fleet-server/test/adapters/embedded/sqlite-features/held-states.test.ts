/** States held in memory: never more bytes than allowed, what is read again stays longest, nothing that was forgotten comes back. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HeldStates } from '../../../../src/adapters/embedded/sqlite-features/held-states.ts';

const state = (bytes: number): Buffer => Buffer.alloc(bytes);

describe('states held in memory', () => {
  it('holds what was read lately and lets older ones go, within its bytes', () => {
    const held = new HeldStates(400);
    for (let i = 0; i < 100; i += 1) {
      held.hold(1, `e-${i}`, state(50));
      held.get(1, 'e-0');
    }
    const kept = Array.from({ length: 100 }, (_, i) => i).filter((i) => held.get(1, `e-${i}`) !== undefined);
    expect(kept).toContain(0);
    expect(kept).toContain(99);
    expect(kept.length * 50).toBeLessThanOrEqual(400);
  });

  it('holds nothing that is larger than it may be', () => {
    const held = new HeldStates(100);
    held.hold(1, 'large', state(51));
    expect(held.get(1, 'large')).toBeUndefined();
  });

  it('equals a map of what was held and not forgotten since, wherever it answers at all', () => {
    const step = fc.record({
      what: fc.constantFrom('hold', 'get', 'forget'),
      viewNo: fc.integer({ min: 1, max: 2 }),
      entity: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      bytes: fc.integer({ min: 1, max: 40 }),
    });
    let [answered, wrong] = [0, 0];
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const held = new HeldStates(120);
        const truth = new Map<string, Buffer>();
        for (const { what, viewNo, entity, bytes } of steps) {
          const key = `${viewNo}/${entity}`;
          if (what === 'hold') {
            const value = state(bytes);
            held.hold(viewNo, entity, value);
            truth.set(key, value);
          } else if (what === 'forget') {
            held.forget(viewNo, entity);
            truth.delete(key);
          } else {
            const found = held.get(viewNo, entity);
            if (found === undefined) continue;
            answered += 1;
            wrong += found === truth.get(key) ? 0 : 1;
          }
        }
      }),
    );
    expect(wrong).toBe(0);
    expect(answered).toBeGreaterThan(0);
  });
});
