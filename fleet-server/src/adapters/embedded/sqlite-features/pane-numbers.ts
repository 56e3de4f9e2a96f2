/** A pane as numbers. One of a single value, as most are where values come slower than panes, takes a third of the room. */
import type { Pane } from '@shoal/models';
import { paneOf } from '@shoal/models/panes';

export const PANE_NUMBERS = 9;
export const SINGLE_NUMBERS = 3;

export const isSingle = ({ count }: Pane): boolean => count === 1;

export const writePane = (numbers: number[], pane: Pane): void => {
  const { index, count, sum, mean, squares, min, max, last, lastAt } = pane;
  numbers.push(index, count, sum, mean, squares, min, max, last, lastAt);
};

/** Of a pane that is single. */
export const writeSingle = (numbers: number[], { index, last, lastAt }: Pane): void => {
  numbers.push(index, last, lastAt);
};

export const readPane = (numbers: Float64Array, at: number): Pane => ({
  index: numbers[at] ?? 0,
  count: numbers[at + 1] ?? 0,
  sum: numbers[at + 2] ?? 0,
  mean: numbers[at + 3] ?? 0,
  squares: numbers[at + 4] ?? 0,
  min: numbers[at + 5] ?? 0,
  max: numbers[at + 6] ?? 0,
  last: numbers[at + 7] ?? 0,
  lastAt: numbers[at + 8] ?? 0,
});

export const readSingle = (numbers: Float64Array, at: number): Pane =>
  paneOf(numbers[at] ?? 0, numbers[at + 1] ?? 0, numbers[at + 2] ?? 0);
