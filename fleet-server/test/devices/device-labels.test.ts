/** Changing labels and choosing by them. */
import { describe, expect, it } from '@jest/globals';
import { mergePatch } from '@shoal/protocol';
import fc from 'fast-check';
import { matchesLabels, parseLabelFilter, patchLabels } from '../../src/devices/device-labels.ts';

const key = fc.stringMatching(/^[a-z]{1,3}$/);
const labels = fc.dictionary(key, fc.string({ maxLength: 4 }), { noNullPrototype: true });
const patch = fc.dictionary(key, fc.option(fc.string({ maxLength: 4 }), { nil: null }), { noNullPrototype: true });

describe('labels', () => {
  it('are patched as RFC 7396 says', () => {
    fc.assert(
      fc.property(labels, patch, (before, change) => {
        expect({ ...patchLabels(before, change) }).toEqual({ ...mergePatch(before, change) });
      }),
    );
  });

  it('match exactly the terms of a filter', () => {
    fc.assert(
      fc.property(labels, labels, (have, want) => {
        const terms = Object.entries(want)
          .filter(([, value]) => !value.includes(','))
          .map(([name, value]) => `${name}=${value}`);
        fc.pre(terms.length > 0);
        const parsed = parseLabelFilter(terms.join(','));
        const expected = terms.every((term) => {
          const [name = '', ...value] = term.split('=');
          return have[name] === value.join('=');
        });
        expect(matchesLabels(have, parsed ?? [])).toBe(expected);
      }),
    );
  });

  it('ask for presence by the key alone, and refuse a term without a key', () => {
    const terms = parseLabelFilter('site, line=4') ?? [];
    expect(matchesLabels({ site: '', line: '4' }, terms)).toBe(true);
    expect(matchesLabels({ line: '4' }, terms)).toBe(false);
    expect(parseLabelFilter('=x')).toBeUndefined();
    expect(parseLabelFilter('a,,b')).toBeUndefined();
  });
});
