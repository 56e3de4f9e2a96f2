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

const taken = (queue: CommitQueue<Named>, now: number): [string[], boolean] => {
  const { group, isLast } = queue.next(now);
  return [namesOf(group), isLast];
};

const queueOf = (appends: readonly Named[], now = 0): CommitQueue<Named> => {
  const queue = new CommitQueue<Named>();
  for (const append of appends) queue.push(append, now);
  return queue;
};

test('what may not wait goes before what came earlier and may, which gets on one append at a time', () => {
  const queue = queueOf([backlog('b1'), backlog('b2'), backlog('b3'), live('l1'), live('l2')]);
  expect(taken(queue, 0)).toEqual([['l1', 'l2'], true]);
  expect(taken(queue, 1)).toEqual([['b1'], false]);
  queue.push(live('l3'), 2);
  expect(taken(queue, 2)).toEqual([['l3'], true]);
  queue.push(live('l4'), 3);
  expect(taken(queue, 3)).toEqual([['b2'], false]);
  expect(taken(queue, 4)).toEqual([['l4'], true]);
});

test('a transaction that nothing ends does not grow beyond its rows', () => {
  const queue = queueOf([...Array.from({ length: 12 }, (_, index) => backlog(`b${index}`)), live('l')]);
  queue.next(0);
  const ends = Array.from({ length: 12 }, () => queue.next(0).isLast);
  expect(ends.map(Number).join('')).toBe('000000000100');
});

test('a second after the last that may not wait, transactions are as large as there is work', () => {
  const queue = queueOf([live('l1'), ...Array.from({ length: 21 }, (_, index) => backlog(`b${index}`))]);
  expect(taken(queue, 999)).toEqual([['l1'], true]);
  expect(queue.next(1_000)).toMatchObject({ group: { length: 10 }, isLast: true });
  expect(queue.next(1_001).group).toHaveLength(10);
  expect(queue.next(1_001).group).toHaveLength(1);
  expect(queue.isEmpty).toBe(true);
});

test('an append of more rows than a transaction holds is a transaction of its own', () => {
  const queue = queueOf([backlog('huge', 100_000), backlog('next')]);
  expect(taken(queue, 0)).toEqual([['huge'], true]);
  expect(taken(queue, 0)).toEqual([['next'], true]);
});

test('whatever comes, each append is taken once, both kinds keep their order, and neither waits for more than one of the other', () => {
  const step = fc.record({ rows: fc.integer({ min: 0, max: 900 }), mayWait: fc.boolean(), takes: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const queue = new CommitQueue<Named>();
      const all: Named[] = [];
      const waiting = { first: 0, may: 0 };
      const passedOver = { first: 0, may: 0 };
      let openRows = 0;
      const take = (now: number): void => {
        const { group, isLast } = queue.next(now);
        const of = { first: group.filter(({ mayWait }) => !mayWait), may: group.filter(({ mayWait }) => mayWait) };
        for (const kind of ['first', 'may'] as const) {
          passedOver[kind] = waiting[kind] > 0 && of[kind].length === 0 ? passedOver[kind] + 1 : 0;
          expect(passedOver[kind]).toBeLessThanOrEqual(1);
          waiting[kind] -= of[kind].length;
        }
        expect(group.length > 0 && (of.first.length === 0 || isLast)).toBe(true);
        openRows = isLast ? 0 : openRows + group.reduce((sum, { rows }) => sum + rows, 0);
        expect(openRows).toBeLessThan(2_000);
        all.push(...group);
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
        expect(of(all)).toEqual(of(pushed));
      }
    }),
  );
});
