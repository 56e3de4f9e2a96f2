/** States of entities as blobs: what is written is read, by whoever changes it and by whoever looks; earlier formats too. */
import { describe, expect, it } from '@jest/globals';
import { mergePanes, paneOf } from '@shoal/models/panes';
import type { Pane, PushedValue } from '@shoal/models';
import fc from 'fast-check';
import {
  asNumbers,
  decodePane,
  decodeState,
  encodePane,
  encodeState,
  readState,
} from '../../../../src/adapters/embedded/sqlite-features/entity-state.ts';

const instant = fc.integer({ min: -1_000, max: 2_000_000_000_000 });
const value = fc.double({ noNaN: true, noDefaultInfinity: true });
const pushed = fc.record({ value: fc.option(value), eventAt: instant, createdAt: instant });
/** Panes as they come to be: of one value, or merged of several. */
const pane: fc.Arbitrary<Pane> = fc
  .tuple(fc.integer({ min: -10, max: 1e10 }), fc.array(fc.tuple(value, instant), { minLength: 1, maxLength: 3 }))
  .map(([index, said]) => said.map(([of, at]) => paneOf(index, of, at)).reduce(mergePanes));
const state = fc.record({
  pushedAt: instant,
  streamAt: instant,
  windowAt: instant,
  // More slots than are looked for one by one.
  slots: fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { maxLength: 90 }).chain((slotNos) =>
    fc
      .array(fc.oneof(pushed, fc.array(pane, { maxLength: 4 })), {
        minLength: slotNos.length,
        maxLength: slotNos.length,
      })
      .map((held) => new Map<number, PushedValue | Pane[]>(slotNos.map((slotNo, i) => [slotNo, held[i] ?? []]))),
  ),
});

describe('the state of an entity', () => {
  it('is read as it was written, in whatever order slots are asked for', () => {
    fc.assert(
      fc.property(state, fc.array(fc.integer({ min: 0, max: 201 }), { maxLength: 40 }), (written, asked) => {
        const numbers = asNumbers(encodeState(written));
        expect(decodeState(encodeState(written))).toEqual(written);
        const lying = Float64Array.from([7, ...numbers, 7]);
        const { slots, ...known } = readState(lying, 1, lying.length - 1);
        expect({ ...known, size: slots.size }).toEqual({
          pushedAt: written.pushedAt,
          streamAt: written.streamAt,
          windowAt: written.windowAt,
          size: written.slots.size,
        });
        for (const slotNo of [...asked, ...written.slots.keys()])
          expect(slots.get(slotNo)).toEqual(written.slots.get(slotNo));
      }),
    );
  });

  it('takes less room where panes have one value each', () => {
    const single = [1, 2, 3].map((index) => paneOf(index, index / 2, index * 10));
    const merged = single.map((each) => mergePanes(each, each));
    const bytesOf = (panes: Pane[]): number =>
      encodeState({ pushedAt: 0, streamAt: 0, windowAt: 0, slots: new Map([[1, panes]]) }).length;
    expect([bytesOf(single), bytesOf(merged)]).toEqual([(4 + 2 + 9) * 8, (4 + 2 + 27) * 8]);
  });

  it('is read as the second version of the file has it', () => {
    const said = [2, 700, 800, 900, /* pushed */ 5, -1, 1, 2.5, 600, 650, 6, -1, 0, 0, 610, 660];
    const panes = [/* two panes */ 9, 2, 3, 1, 4, 4, 0, 4, 4, 4, 33, 4, 2, 6, 3, 2, 2, 4, 4, 44];
    const bytes = Buffer.from(Float64Array.from([...said, ...panes]).buffer);
    expect(decodeState(bytes)).toEqual({
      pushedAt: 700,
      streamAt: 800,
      windowAt: 900,
      slots: new Map<number, PushedValue | Pane[]>([
        [5, { value: 2.5, eventAt: 600, createdAt: 650 }],
        [6, { value: null, eventAt: 610, createdAt: 660 }],
        [
          9,
          [paneOf(3, 4, 33), { index: 4, count: 2, sum: 6, mean: 3, squares: 2, min: 2, max: 4, last: 4, lastAt: 44 }],
        ],
      ]),
    });
  });
});

describe('a pane of the history', () => {
  it('is read as it was written, and as the second version of the file has it', () => {
    fc.assert(
      fc.property(pane, (written) => {
        expect(decodePane(encodePane(written))).toEqual(written);
        const { index, count, sum, mean, squares, min, max, last, lastAt } = written;
        const earlier = Float64Array.from([index, count, sum, mean, squares, min, max, last, lastAt]);
        expect(decodePane(Buffer.from(earlier.buffer))).toEqual(written);
      }),
    );
  });
});
