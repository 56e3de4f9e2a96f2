/** Tables without borders: readable, and one row stays one line for grep. */
import Table from 'cli-table3';
import { harmless, type Terminal } from './terminal.ts';

export type Cell = string | number | null | undefined;

const BORDERLESS = Object.fromEntries(
  ['top', 'bottom', 'mid', 'left', 'right']
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .map((side) => [side, '']),
);

const textOf = (cell: Cell): string => (cell === null || cell === undefined ? '-' : harmless(String(cell)));

const render = (rows: readonly (readonly string[])[]): string => {
  const table = new Table({
    chars: { ...BORDERLESS, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
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
