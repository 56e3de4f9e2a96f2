/** Cursors: read back exactly, refused when they are anything else; entity tags; nesting. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { matchesRevision } from '../../src/listing/conditional.ts';
import { decodeCursor, encodeCursor } from '../../src/listing/cursor.ts';
import { isWithinDepth } from '../../src/listing/request-body.ts';

describe('cursors', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.string(), (number, string) => {
        expect(decodeCursor(encodeCursor([number, string]), ['number', 'string'])).toEqual([number, string]);
      }),
    );
  });

  it('are refused when they are of another list or made up', () => {
    const refused = expect.objectContaining({ code: 'CURSOR_INVALID' });
    const attempt = (cursor: string) => () => decodeCursor(cursor, ['number']);
    fc.assert(
      fc.property(fc.string(), (cursor) => {
        expect(attempt(cursor)).toThrow(refused);
      }),
    );
    for (const key of [['a'], [1, 2], [1.5], [], [2 ** 60]]) expect(attempt(encodeCursor(key))).toThrow(refused);
  });
});

describe('If-Match', () => {
  it.each([
    [undefined, true],
    ['"3"', true],
    ['*', true],
    ['"1", "3"', true],
    ['"2"', false],
    ['3', false],
    ['W/"3"', false],
  ])('of %j matches revision 3: %j', (header, matches) => {
    expect(matchesRevision(header, 3)).toBe(matches);
  });
});

describe('the depth of a body', () => {
  it('is counted as the nesting of brackets', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 40 }),
        (depth, list, limit) => {
          const [open, close] = list ? ['[', ']'] : ['{"a":', '}'];
          const value: unknown = JSON.parse(`${open.repeat(depth)}1${close.repeat(depth)}`);
          expect(isWithinDepth(value, limit)).toBe(depth <= limit);
        },
      ),
    );
  });
});
