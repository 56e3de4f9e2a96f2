/** The expressions of streams: how they are read, and how a wrong one is refused. */
import { expect, test } from '@jest/globals';
import { EXPRESSION_BOUNDS, expressionFault, parseExpression, type Expression } from '../../src/index.ts';

/** Fully bracketed. */
const text = (expression: Expression): string => {
  switch (expression.op) {
    case 'constant':
      return JSON.stringify(expression.value);
    case 'name':
      return expression.name;
    case 'unary':
      return `(${expression.operator}${text(expression.of)})`;
    case 'binary':
      return `(${text(expression.left)} ${expression.operator} ${text(expression.right)})`;
    case 'choose':
      return `(${text(expression.when)} ? ${text(expression.yes)} : ${text(expression.no)})`;
    case 'call':
      return `${expression.name}(${expression.of.map(text).join(', ')})`;
  }
};

test.each([
  ['1 + 2 * 3 - 4', '((1 + (2 * 3)) - 4)'],
  ['a - b - c', '((a - b) - c)'],
  ['-a * b', '((-a) * b)'],
  ['!a && b || c == 1 + 1', '(((!a) && b) || (c == (1 + 1)))'],
  ['a > 1 ? b : c < 2 ? 3 : 4', '((a > 1) ? b : ((c < 2) ? 3 : 4))'],
  ['`Volume Flow RateRMS` / 2.5e-1', '(Volume Flow RateRMS / 0.25)'],
  ['coalesce(data.x, null, "y")', 'coalesce(data.x, null, "y")'],
  ['clamp(Überdruck, min(0, 1), 2)', 'clamp(Überdruck, min(0, 1), 2)'],
] as const)('%s', (source, expected) => {
  expect(text(parseExpression(source))).toBe(expected);
});

test.each([
  ["$label == 'it''s'.length", /"\." means nothing at character 18/],
  ['', 'the expression ends too early at character 1'],
  ['a +', 'the expression ends too early at character 4'],
  ['(a', '")" is missing at character 3'],
  ['a b', '"b" does not belong here at character 3'],
  ['a ? b', '":" is missing at character 6'],
  ['a @ b', '"@" means nothing at character 3'],
  ['eval(a)', /there is no function eval/],
  ['toString(a)', /there is no function toString/],
  ['min(a)', /min takes 2 to 8 arguments/],
  [`${'('.repeat(EXPRESSION_BOUNDS.depth)}a`, /nesting over 24/],
  [`${'-'.repeat(EXPRESSION_BOUNDS.depth + 1)}a`, /nesting over 24/],
  [`a${'+a'.repeat(EXPRESSION_BOUNDS.nodes)}`, /more than 128 parts/],
  ['a'.repeat(EXPRESSION_BOUNDS.characters + 1), /more than 512 characters/],
])('%s is refused', (source, fault) => {
  expect(expressionFault(source)).toMatch(fault);
});
