/** docs/errors.md against the catalogues in the code: every code, its meaning, its remedy. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { CATALOGUES, errorsPage } from '../../docs/errors-page.ts';

const committed = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
const REMEDY = 'run: node_modules/.bin/node --conditions=source scripts/write-errors-page.ts';

test('the page is what the catalogues make of it', () => {
  const [expected, actual] = [errorsPage().split('\n'), committed.split('\n')];
  const missing = expected.filter((line) => !actual.includes(line));
  const stale = actual.filter((line) => !expected.includes(line));
  expect({ missing, stale, REMEDY }).toEqual({ missing: [], stale: [], REMEDY });
  expect(actual).toEqual(expected);
});

test.each(CATALOGUES)('every entry of "$title" is a code with whole sentences', ({ entries }) => {
  for (const [code, text] of Object.entries(entries)) {
    expect(code).toMatch(/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/);
    expect([code, text]).toEqual([code, expect.stringMatching(/^\S.{20,}[.)]$/s)]);
  }
});
