/** The ring either hands out exactly what came after, or says that it cannot. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LiveRing } from '../../src/dashboard/live-ring.ts';

const step = fc.oneof(
  { weight: 9, arbitrary: fc.constant('push' as const) },
  { weight: 1, arbitrary: fc.constant('clear' as const) },
);

describe('the live ring', () => {
  it('resumes without a hole within its capacity and reports a gap beyond', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 12 }),
        fc.nat(70),
        (steps, capacity, from) => {
          const ring = new LiveRing(capacity);
          let kept: number[] = [];
          let holeAt = 0;
          for (const what of steps) {
            if (what === 'push') {
              const { number } = ring.push({ topic: 'events', deviceId: null, data: '{}' });
              kept = [...kept, number].slice(-capacity);
            } else {
              ring.clear();
              kept = [];
              holeAt = ring.last;
            }
          }
          const resumption = ring.since(from);
          const oldest = kept[0] ?? ring.last + 1;
          const canResume = from <= ring.last && from >= oldest - 1 && from >= holeAt;
          const missed =
            resumption.kind === 'resumed' ? resumption.missed.map(({ number }) => number) : resumption.kind;
          expect(missed).toEqual(canResume ? kept.filter((number) => number > from) : 'gap');
        },
      ),
    );
  });
});
