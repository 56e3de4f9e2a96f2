/** What expressions are worth. */
import { expect, test } from '@jest/globals';
import { parseExpression, type Scalar } from '@shoal/protocol';
import { bind } from '../../src/streams/evaluate.ts';
import type { RecordColumns } from '../../src/streams/record-columns.ts';

const VALUES: Readonly<Record<string, Scalar>> = { a: 3, b: -2, zero: 0, word: 'pump', yes: true };

const columns = {
  column: (name: string) => () => (Object.hasOwn(VALUES, name) ? (VALUES[name] ?? null) : null),
} as unknown as RecordColumns;

test.each<[string, Scalar]>([
  ['a + b * 2', -1],
  ['a % 2', 1],
  ['-a', -3],
  ['-word', null],
  ['a / zero', null],
  ['a + missing', null],
  ['a + word', null],
  ["word == 'pump'", true],
  ['missing == null', true],
  ['a != null', true],
  ['a > b', true],
  ["'a' < word", true],
  ['a > word', false],
  ['missing < 1', false],
  ['!missing', true],
  ['a > 1 && yes', true],
  ['a && yes', false],
  ['missing || yes', true],
  ['yes ? 1 : 2', 1],
  ['missing ? 1 : 2', 2],
  ['abs(b) + max(a, b, 9)', 11],
  ['min(a, missing)', null],
  ['clamp(a, 0, 1)', 1],
  ['sqrt(b)', null],
  ['log(exp(a))', 3],
  ['round(2.5) + floor(-0.5) + ceil(0.2)', 3],
  ['coalesce(missing, word, a)', 'pump'],
])('%s is %s', (text, expected) => {
  expect(bind(parseExpression(text), columns)(0)).toEqual(expected);
});
