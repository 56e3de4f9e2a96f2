import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RingBuffer } from '../../src/windows/ring-buffer.ts';

describe('the ring buffer', () => {
  it('behaves as a list that is cut at the front', () => {
    const action = fc.oneof(
      fc.integer().map((push) => ({ push })),
      fc.constant('shift' as const),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 400 }), fc.integer({ min: 1, max: 150 }), (actions, maxItems) => {
        const buffer = new RingBuffer<number>(maxItems);
        const model: number[] = [];
        for (const step of actions) {
          const given = step === 'shift' ? buffer.shift() : buffer.push(step.push);
          if (step !== 'shift') model.push(step.push);
          expect(given).toBe(step === 'shift' || model.length > maxItems ? model.shift() : undefined);
          expect(buffer.peek()).toBe(model[0]);
          expect(buffer.length).toBe(model.length);
        }
        expect([...buffer]).toEqual(model);
      }),
    );
  });
});
