/** The twin's algebra: RFC 7396 to the letter, and the laws of delta and diff. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { diffPatch, mergePatch, twinDelta, twinEquals, type Json, type JsonObject } from '../src/index.ts';
import { twinDocument } from './arbitraries.ts';

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
/** A document as merging makes it: without nulls. */
const merged = twinDocument.map((document) => mergePatch({}, document));
/** Both ways of saying so: by the code under test, and by its text with sorted keys. */
const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, inner]) => [key, sorted(inner)])
    : value;
const same = (a: JsonObject, b: JsonObject): boolean =>
  twinEquals(a, b) && JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));

/** RFC 7396 appendix A, the rows whose target and patch are objects. */
const APPENDIX_A: [JsonObject, JsonObject, JsonObject][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

describe('mergePatch', () => {
  test.each(APPENDIX_A)('%j merged with %j is %j', (target, patch, result) => {
    expect(same(mergePatch(target, patch), result)).toBe(true);
  });

  test('changes neither argument, is idempotent, and the empty patch does nothing', () => {
    fc.assert(
      fc.property(twinDocument, twinDocument, (target, patch) => {
        const [before, change] = [JSON.stringify(target), JSON.stringify(patch)];
        const once = mergePatch(target, patch);
        expect(same(mergePatch(once, patch), once)).toBe(true);
        expect(same(mergePatch(target, {}), target)).toBe(true);
        expect([JSON.stringify(target), JSON.stringify(patch)]).toEqual([before, change]);
      }),
      { numRuns: 500 },
    );
  });

  test('keys of Object.prototype are data', () => {
    const patch = JSON.parse(
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
    ) as JsonObject;
    const result = mergePatch({}, patch);
    expect(JSON.stringify(result)).toBe(JSON.stringify(patch));
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect((result as { polluted?: Json }).polluted).toBeUndefined();
    expect(same(mergePatch({}, { toString: { a: 1 } }), { toString: { a: 1 } })).toBe(true);
  });
});

describe('diffPatch', () => {
  test('merged into where it starts, it gives where it ends', () => {
    fc.assert(
      fc.property(merged, merged, (from, to) => {
        expect(same(mergePatch(from, diffPatch(from, to)), to)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test('is empty exactly between equals', () => {
    fc.assert(
      fc.property(merged, merged, (from, to) => {
        expect(Object.keys(diffPatch(from, to)).length === 0).toBe(twinEquals(from, to));
        expect(Object.keys(diffPatch(from, structuredClone(plain(from)) as JsonObject))).toEqual([]);
      }),
    );
  });
});

describe('twinDelta', () => {
  test('a device that reports the delta on top of what it had is in step', () => {
    fc.assert(
      fc.property(merged, merged, (desired, reported) => {
        const delta = twinDelta(desired, reported);
        expect(same(twinDelta(desired, mergePatch(reported, delta)), {})).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test('what only the device reports is no difference', () => {
    fc.assert(
      fc.property(merged, merged, (desired, extra) => {
        expect(same(twinDelta(desired, mergePatch(extra, desired)), {})).toBe(true);
      }),
    );
    expect(same(twinDelta({ a: [1, 2] }, { a: [1, 2, 3], b: 1 }), { a: [1, 2] })).toBe(true);
    expect(same(twinDelta({ a: -0 }, { a: 0 }), {})).toBe(true);
  });
});
