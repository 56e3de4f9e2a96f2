/** Which appends share a transaction. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CommitQueue, type QueuedAppend } from '../../../../src/adapters/embedded/sqlite-telemetry/commit-queue.ts';

interface Named extends QueuedAppend {
  readonly name: string;
}

const live = (name: string, rows = 1): Named => ({ name, rows, mayWait: false });
const backlog = (name: string, rows = 200): Named => ({ name, rows, mayWait: true });
const namesOf = (group: readonly Named[]): string[] => group.map(({ name }) => name);

const queueOf = (appends: readonly Named[], now = 0): CommitQueue<Named> => {
  const queue = new CommitQueue<Named>();
  for (const append of appends) queue.push(append, now);
  return queue;
};

test('what may not wait goes before what came earlier and may, which goes on one append at a time', () => {
  const queue = queueOf([backlog('b1'), backlog('b2'), backlog('b3'), live('l1'), live('l2')]);
  expect(namesOf(queue.next(0))).toEqual(['l1', 'l2', 'b1']);
  expect(namesOf(queue.next(1))).toEqual(['b2']);
});

test('a second after the last that may not wait, transactions are as large as there is work', () => {
  const queue = queueOf([live('l1'), ...Array.from({ length: 20 }, (_, index) => backlog(`b${index}`))]);
  expect(queue.next(999)).toHaveLength(2);
  expect(queue.next(1_000)).toHaveLength(10);
  expect(queue.next(1_001)).toHaveLength(9);
  expect(queue.isEmpty).toBe(true);
});

test('an append of more rows than a transaction holds is a transaction of its own', () => {
  const queue = queueOf([backlog('huge', 100_000), backlog('next')]);
  expect(namesOf(queue.next(0))).toEqual(['huge']);
  expect(namesOf(queue.next(0))).toEqual(['next']);
});

test('whatever comes, each append is taken once, both kinds keep their order, and neither waits for ever', () => {
  const step = fc.record({ rows: fc.integer({ min: 0, max: 900 }), mayWait: fc.boolean(), takes: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const queue = new CommitQueue<Named>();
      const taken: Named[] = [];
      const waiting = { first: 0, may: 0 };
      const take = (now: number): void => {
        const group = queue.next(now);
        const [of, ofWaiting] = [group.filter(({ mayWait }) => !mayWait), group.filter(({ mayWait }) => mayWait)];
        expect(of.length > 0).toBe(waiting.first > 0);
        expect(ofWaiting.length > 0).toBe(waiting.may > 0);
        waiting.first -= of.length;
        waiting.may -= ofWaiting.length;
        taken.push(...group);
      };
      const pushed = steps.map(({ takes, ...append }, index) => {
        const named = { ...append, name: String(index) };
        queue.push(named, index);
        waiting[append.mayWait ? 'may' : 'first'] += 1;
        if (takes) take(index);
        return named;
      });
      while (!queue.isEmpty) take(steps.length);
      for (const mayWait of [false, true]) {
        const of = (appends: readonly Named[]): string[] => namesOf(appends.filter((each) => each.mayWait === mayWait));
        expect(of(taken)).toEqual(of(pushed));
      }
    }),
  );
});
