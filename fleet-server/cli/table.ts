/** Tables without borders: readable, and one row stays one line for grep. */
import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import { harmless, type Terminal } from './terminal.ts';

export type Cell = string | number | null | undefined;

const BORDERLESS = Object.fromEntries(
  ['top', 'bottom', 'mid', 'left', 'right']
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .map((side) => [side, '']),
);

const textOf = (cell: Cell): string => (cell === null || cell === undefined ? '-' : harmless(String(cell)));

/** cli-table3 lays out in time quadratic to the rows: the columns are measured here, and the rows come in pieces. */
const ROWS_AT_ONCE = 100;
/** What a terminal shows two columns wide. */
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]|\p{Emoji_Presentation}/u;
const ASCII = /^[ -~]*$/;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

const widthOf = (text: string): number => {
  const plain = stripVTControlCharacters(text);
  if (ASCII.test(plain)) return plain.length;
  let width = 0;
  for (const { segment } of graphemes.segment(plain)) width += WIDE.test(segment) ? 2 : 1;
  return width;
};

const renderPiece = (rows: readonly (readonly string[])[], colWidths: number[]): string => {
  const table = new Table({
    chars: { ...BORDERLESS, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colWidths,
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
};

const render = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, column) =>
    rows.reduce((widest, row) => Math.max(widest, widthOf(row[column] ?? '')), 1),
  );
  const pieces: string[] = [];
  for (let start = 0; start < rows.length; start += ROWS_AT_ONCE) {
    pieces.push(renderPiece(rows.slice(start, start + ROWS_AT_ONCE), widths));
  }
  return pieces.join('\n');
};

/** `paint` may colour one finished cell; it gets the column's name. */
export interface TableOptions {
  readonly paint?: (column: string, text: string) => string;
}

/** Rows under bold heads; `null` shows as `-`. */
export const tableOf = (
  terminal: Terminal,
  heads: readonly string[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions = {},
): string =>
  render([
    heads.map((head) => terminal.paint('bold', head)),
    ...rows.map((row) =>
      row.map((cell, index) => (options.paint ?? ((_, text: string) => text))(heads[index] ?? '', textOf(cell))),
    ),
  ]);

/** Names beside their values. */
export const factsOf = (terminal: Terminal, facts: readonly (readonly [string, Cell])[]): string =>
  render(facts.map(([name, value]) => [terminal.paint('bold', name), textOf(value)]));
