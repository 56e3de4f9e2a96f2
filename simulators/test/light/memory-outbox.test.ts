/** A light device's outbox keeps order, loses nothing and repeats nothing of its own accord, whatever the network does. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MemoryOutbox } from '../../src/light/memory-outbox.ts';

const EPOCH = '0123456789abcdef0123';
const body = { observedAt: 1, source: 'pump', values: {} };

const actions = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('add' as const), count: fc.integer({ min: 1, max: 5 }), live: fc.boolean() }),
    fc.record({ do: fc.constant('take' as const) }),
    fc.record({ do: fc.constant('acknowledge' as const) }),
    fc.record({ do: fc.constant('lose' as const) }),
  ),
  { maxLength: 200 },
);

test('whatever happens, every record is sent in order and acknowledged once', () => {
  fc.assert(
    fc.property(actions, (steps) => {
      const outbox = new MemoryOutbox(EPOCH);
      const onWire: number[] = [];
      const acknowledged: number[] = [];
      let made = 0;
      const acknowledge = (): void => {
        const id = onWire.shift();
        if (id === undefined) return;
        acknowledged.push(...(outbox.acknowledge(id)?.records.map(({ sequence }) => sequence) ?? []));
      };
      const take = (): boolean => {
        const next = outbox.take();
        if (next !== undefined) onWire.push(next.messageId);
        return next !== undefined;
      };
      for (const step of steps) {
        if (step.do === 'add') {
          made += step.count;
          outbox.add(
            'readings',
            'reading',
            step.live ? 'live' : 'backlog',
            Array.from({ length: step.count }, () => body),
          );
        } else if (step.do === 'take') {
          take();
        } else if (step.do === 'acknowledge') {
          acknowledge();
        } else {
          outbox.connectionLost();
          onWire.length = 0;
        }
        expect(outbox.depth).toBe(made - acknowledged.length);
      }
      while (take());
      while (onWire.length > 0) acknowledge();
      expect(acknowledged).toEqual(Array.from({ length: made }, (_, index) => index + 1));
      expect(outbox.isEmpty).toBe(true);
    }),
  );
});

test('a message that was on the wire is resent as it was: nothing joins it', () => {
  const outbox = new MemoryOutbox(EPOCH);
  outbox.add('readings', 'reading', 'backlog', [body]);
  const first = outbox.take();
  outbox.connectionLost();
  outbox.add('readings', 'reading', 'backlog', [body]);
  expect(outbox.take()?.message).toBe(first?.message);
  expect(first?.message.records).toHaveLength(1);
});

test('backlog of one kind shares messages, live records and other kinds do not', () => {
  const outbox = new MemoryOutbox(EPOCH);
  outbox.add('readings', 'reading', 'backlog', [body]);
  outbox.add('readings', 'reading', 'backlog', [body]);
  outbox.add('readings', 'debug', 'backlog', [body]);
  outbox.add('readings', 'reading', 'live', [body]);
  outbox.add('readings', 'reading', 'live', [body]);
  const sizes = Array.from({ length: 4 }, () => outbox.take()?.message.records.length);
  expect(sizes).toEqual([2, 1, 1, 1]);
});
