/** Panes that came are put among those that are held. */
import { expect, test } from '@jest/globals';
import type { Pane } from '@shoal/models';
import fc from 'fast-check';
import { withPanes } from '../../../../src/adapters/embedded/sqlite-features/held-panes.ts';

const pane = (index: number, count: number): Pane => ({
  index,
  count,
  sum: 0,
  mean: 0,
  squares: 0,
  min: 0,
  max: 0,
  last: 0,
  lastAt: 0,
});

const ascending = (count: number): fc.Arbitrary<Pane[]> =>
  fc
    .uniqueArray(fc.integer({ min: 0, max: 30 }))
    .map((indexes) => indexes.sort((a, b) => a - b).map((index) => pane(index, count)));

test('every index is there once, in order, and what came counts', () => {
  fc.assert(
    fc.property(ascending(1), ascending(2), (held, touched) => {
      const all = new Map([...held, ...touched].map((each) => [each.index, each]));
      expect(withPanes(held, touched)).toEqual([...all.values()].sort((a, b) => a.index - b.index));
    }),
  );
});
