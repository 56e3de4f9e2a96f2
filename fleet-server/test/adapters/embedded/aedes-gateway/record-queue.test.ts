/** Which publishes of records are batched next. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  RecordQueue,
  type BatchBound,
  type QueuedPublish,
} from '../../../../src/adapters/embedded/aedes-gateway/record-queue.ts';

interface Named extends QueuedPublish {
  readonly name: string;
}

const NO_BOUND = { messages: 1_000, bytes: 1_000_000 };
const light = (connection: number, name: string): Named => ({ connection, name, bytes: 300, isLight: true });
const heavy = (connection: number, name: string): Named => ({ connection, name, bytes: 30_000, isLight: false });
const namesOf = (batch: readonly Named[]): string[] => batch.map(({ name }) => name);

const queueOf = (...publishes: readonly Named[]): RecordQueue<Named> => {
  const queue = new RecordQueue<Named>();
  for (const publish of publishes) queue.push(publish);
  return queue;
};

test('light ones do not wait for heavy ones of other connections', () => {
  const queue = queueOf(heavy(1, 'h'), light(2, 'a'), light(3, 'b'));
  expect(namesOf(queue.takeLight(NO_BOUND))).toEqual(['a', 'b']);
  expect(queue.hasLight).toBe(false);
});

test('heavy connections take turns', () => {
  const queue = queueOf(heavy(1, '1a'), heavy(1, '1b'), heavy(2, '2a'), heavy(3, '3a'));
  const one = { messages: 1, bytes: 1_000_000 };
  const first = queue.takeHeavy(one);
  expect(namesOf(first)).toEqual(['1a']);
  queue.settled(first);
  expect(namesOf(queue.takeHeavy(one))).toEqual(['2a']);
  expect(namesOf(queue.takeHeavy(one))).toEqual(['3a']);
  expect(namesOf(queue.takeHeavy(one))).toEqual(['1b']);
});

test('behind its own heavy message a light one waits, also while that is on its way', () => {
  const queue = queueOf(heavy(1, 'h'), light(1, 'a'));
  const batch = queue.takeHeavy({ messages: 1, bytes: 1 });
  queue.push(light(1, 'b'));
  expect([queue.hasLight, queue.hasHeavy]).toEqual([false, false]);
  queue.settled(batch);
  const rest = queue.takeHeavy(NO_BOUND);
  expect(namesOf(rest)).toEqual(['a', 'b']);
  queue.settled(rest);
  queue.push(light(1, 'c'));
  expect(namesOf(queue.takeLight(NO_BOUND))).toEqual(['c']);
});

test('a batch ends with the message that passes its bytes, and fills up with other connections', () => {
  const queue = queueOf(heavy(1, '1a'), heavy(2, '2a'), heavy(3, '3a'));
  expect(namesOf(queue.takeHeavy({ messages: 9, bytes: 30_001 }))).toEqual(['1a', '2a']);
  expect(namesOf(queue.takeHeavy({ messages: 9, bytes: 30_000 }))).toEqual(['3a']);
});

test('whatever comes and is taken, each message is taken once and a connection settles in its order', () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant('push'), connection: fc.integer({ min: 1, max: 4 }), isLight: fc.boolean() }),
    fc.record({ what: fc.constantFrom('light', 'heavy'), messages: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ what: fc.constant('settle') }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const queue = new RecordQueue<Named>();
      const pushed: Named[] = [];
      const taken: Named[] = [];
      const onTheirWay: { readonly lane: 'light' | 'heavy'; readonly batch: readonly Named[] }[] = [];
      const settleOldest = (): void => {
        const { lane, batch } = onTheirWay.shift() ?? {};
        if (lane === 'heavy' && batch !== undefined) queue.settled(batch);
      };
      const take = (lane: 'light' | 'heavy', bound: BatchBound): void => {
        const batch = lane === 'light' ? queue.takeLight(bound) : queue.takeHeavy(bound);
        taken.push(...batch);
        onTheirWay.push({ lane, batch });
        // A batch that goes first may be stored first: none of its connections has a heavy one on its way before it.
        const busy = onTheirWay
          .slice(0, -1)
          .flatMap((earlier) => earlier.batch)
          .filter(({ isLight }) => !isLight);
        const overtakes = busy.some((one) => batch.some(({ connection }) => connection === one.connection));
        expect(lane === 'light' && overtakes).toBe(false);
      };
      steps.forEach((each, index) => {
        if ('connection' in each) {
          const publish = (each.isLight ? light : heavy)(each.connection, String(index));
          pushed.push(publish);
          queue.push(publish);
        } else if ('messages' in each) {
          take(each.what, { messages: each.messages, bytes: 70_000 });
        } else settleOldest();
      });
      while (taken.length < pushed.length) {
        while (onTheirWay.length > 0) settleOldest();
        take('light', NO_BOUND);
        take('heavy', NO_BOUND);
      }
      for (const connection of [1, 2, 3, 4]) {
        const of = (all: readonly Named[]): string[] => namesOf(all.filter((one) => one.connection === connection));
        expect(of(taken)).toEqual(of(pushed));
      }
    }),
  );
});
