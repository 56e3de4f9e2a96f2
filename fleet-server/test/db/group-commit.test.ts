/** Group commit: order kept, bounds kept, everybody answered. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GroupCommit } from '../../src/db/group-commit.ts';

describe('group commit', () => {
  it('writes every item once, in order, in batches within the bound, never two at a time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3), { maxLength: 60 }),
        fc.integer({ min: 1, max: 7 }),
        async (pauses, bound) => {
          const written: number[] = [];
          let writing = 0;
          const group = new GroupCommit<number>(async (items) => {
            writing += 1;
            expect(writing).toBe(1);
            expect(items.length).toBeLessThanOrEqual(bound);
            await Promise.resolve();
            written.push(...items);
            writing -= 1;
          }, bound);
          const submitted: Promise<void>[] = [];
          for (const [index, pause] of pauses.entries()) {
            submitted.push(group.submit(index));
            for (let turn = 0; turn < pause; turn += 1) await Promise.resolve();
          }
          await Promise.all(submitted);
          expect(written).toEqual(pauses.map((_, index) => index));
        },
      ),
    );
  });

  it('fails the batch that could not be written and goes on with the next', async () => {
    const group = new GroupCommit<string>(async (items) => {
      if (items.includes('bad')) throw new Error('disk full');
    }, 1);
    const outcomes = await Promise.allSettled(['good', 'bad', 'better'].map((item) => group.submit(item)));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await group.idle();
  });
});
