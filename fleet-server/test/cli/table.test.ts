/** Tables of the command: columns stand under each other, whatever is in them, and many rows cost no more each than few. */
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import { tableOf } from '../../cli/table.ts';
import { Terminal } from '../../cli/terminal.ts';

const ignore = { write: () => true };
const terminal = new Terminal(ignore, ignore, false);
const columnOf = (line: string, mark: string): number => line.indexOf(mark);

test('accents, painted cells and empty ones keep the columns', () => {
  const paint = (column: string, text: string): string => (column === 'A' ? `\u001b[32m${text}\u001b[39m` : text);
  const rows = [
    ['é', '|x'],
    [null, '|y'],
    ['longest of all', '|z'],
    ['', '|w'],
  ];
  const lines = tableOf(terminal, ['A', '|B'], rows, { paint }).split('\n').map(stripVTControlCharacters);
  expect(lines.map((line) => columnOf(line, '|'))).toEqual([16, 16, 16, 16, 16]);
});

test('wide characters are counted as the terminal shows them', () => {
  const [, wide = '', narrow = ''] = tableOf(
    terminal,
    ['A', 'B'],
    [
      ['泵站', 'x'],
      ['ab', 'x'],
    ],
  ).split('\n');
  expect(columnOf(narrow, 'x') - columnOf(wide, 'x')).toBe(2);
});

test('rows beyond the first piece stand in the same columns', () => {
  const rows = Array.from({ length: 350 }, (_, index) => ['x'.repeat(1 + (index % 40)), `|${index}`]);
  const columns = new Set(
    tableOf(terminal, ['A', '|B'], rows)
      .split('\n')
      .map((line) => columnOf(line, '|')),
  );
  expect([...columns]).toEqual([42]);
});
