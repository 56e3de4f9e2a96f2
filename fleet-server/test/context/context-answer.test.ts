/** What a device is told: every key it asked for is answered or missing, never both. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { answerContext } from '../../src/context/context-answer.ts';

const key = fc.oneof(
  fc.constantFrom('site', 'labels', '__proto__', 'constructor', 'toString'),
  fc.string({ minLength: 1 }),
);
const values = fc.dictionary(key, fc.oneof(fc.integer(), fc.string(), fc.constant(null)), { noNullPrototype: false });

describe('the answer to a context request', () => {
  it('splits the keys asked for into answered and missing', () => {
    fc.assert(
      fc.property(values, values, fc.array(key), (fleet, device, keys) => {
        const reply = answerContext({ fleet, device, labels: { a: 'b' } }, { keys, asOf: 1, maxAgeMs: 2 });
        const answered = Object.keys(reply.values);
        expect(new Set([...answered, ...reply.missing])).toEqual(new Set(keys));
        for (const name of answered) {
          expect(reply.missing).not.toContain(name);
          const own = [device, fleet].find((source) => Object.hasOwn(source, name));
          expect(reply.values[name]).toEqual(name === 'labels' ? { a: 'b' } : own?.[name]);
        }
      }),
    );
  });

  it('never takes labels from a document', () => {
    const sources = { fleet: { labels: { forged: 'yes' } }, device: {}, labels: undefined };
    expect(answerContext(sources, { keys: ['labels'], asOf: 1, maxAgeMs: 2 }).missing).toEqual(['labels']);
  });
});
