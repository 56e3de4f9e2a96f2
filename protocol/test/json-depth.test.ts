/** The nesting of JSON text, against an oracle that parses. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { jsonDepthExceeds } from '../src/index.ts';

const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Strings full of what a careless scanner would count. */
const hostileString = fc.string({ unit: fc.constantFrom('"', '\\', '{', '}', '[', ']', 'u', 'é', '😀'), maxLength: 8 });
const value = fc.letrec((tie) => ({
  node: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    hostileString,
    fc.integer(),
    fc.array(tie('node'), { maxLength: 3 }),
    fc.dictionary(hostileString, tie('node'), { maxKeys: 3 }),
  ),
})).node;

test('says the same as parsing and walking, for every limit', () => {
  fc.assert(
    fc.property(value, fc.nat({ max: 12 }), fc.constantFrom(undefined, 1), (document, limit, indent) => {
      expect(jsonDepthExceeds(bytes(JSON.stringify(document, null, indent)), limit)).toBe(depthOf(document) > limit);
    }),
    { numRuns: 1_000 },
  );
});

test('ends on any bytes, also in the middle of an escape', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => {
      expect(typeof jsonDepthExceeds(noise, 3)).toBe('boolean');
    }),
  );
  expect(jsonDepthExceeds(bytes('["\\'), 1)).toBe(false);
  expect(jsonDepthExceeds(bytes('['.repeat(200_000)), 32)).toBe(true);
});
