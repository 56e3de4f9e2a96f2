/** The state of one entity as one blob: little work to read, all of its features in it. */
import type { Pane, PushedValue } from '@shoal/models';
import type { StoredEntity } from '../../../ports/feature-store.ts';

export interface EntityState extends StoredEntity {
  pushedAt: number;
  streamAt: number;
  windowAt: number;
  readonly slots: Map<number, PushedValue | Pane[]>;
}

export const emptyState = (): EntityState => ({ pushedAt: 0, streamAt: 0, windowAt: 0, slots: new Map() });

/** The first had no `windowAt`. */
const FORMAT = 2;
const FIRST_FORMAT = 1;
const PANE_NUMBERS = 9;
const PUSHED_NUMBERS = 4;

/** The instant does not fit beside the kind: a pushed slot is told by a negative length. */
const PUSHED = -1;

const writePane = (numbers: number[], pane: Pane): void => {
  const { index, count, sum, mean, squares, min, max, last, lastAt } = pane;
  numbers.push(index, count, sum, mean, squares, min, max, last, lastAt);
};

const readPane = (numbers: Float64Array, at: number): Pane => ({
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

const asBytes = (numbers: readonly number[]): Buffer => Buffer.from(Float64Array.from(numbers).buffer);

/** A blob of SQLite starts anywhere; numbers must start at a multiple of their size. */
export const asNumbers = (bytes: Uint8Array): Float64Array =>
  bytes.byteOffset % Float64Array.BYTES_PER_ELEMENT === 0
    ? new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / Float64Array.BYTES_PER_ELEMENT)
    : new Float64Array(bytes.slice().buffer);

export const encodePane = (pane: Pane): Buffer => {
  const numbers: number[] = [];
  writePane(numbers, pane);
  return asBytes(numbers);
};

export const decodePane = (bytes: Uint8Array): Pane => readPane(asNumbers(bytes), 0);

export const encodeState = (state: EntityState): Buffer => {
  const numbers = [FORMAT, state.pushedAt, state.streamAt, state.windowAt];
  for (const [slotNo, held] of state.slots) {
    if (Array.isArray(held)) {
      numbers.push(slotNo, held.length);
      for (const pane of held) writePane(numbers, pane);
    } else numbers.push(slotNo, PUSHED, held.value === null ? 0 : 1, held.value ?? 0, held.eventAt, held.createdAt);
  }
  return asBytes(numbers);
};

export const decodeState = (bytes: Uint8Array): EntityState => {
  const numbers = asNumbers(bytes);
  return decodeNumbers(numbers, 0, numbers.length);
};

/** Of a state that lies among others. */
export const decodeNumbers = (numbers: Float64Array, from: number, to: number): EntityState => {
  const state = emptyState();
  state.pushedAt = numbers[from + 1] ?? 0;
  state.streamAt = numbers[from + 2] ?? 0;
  const isFirst = numbers[from] === FIRST_FORMAT;
  state.windowAt = isFirst ? 0 : (numbers[from + 3] ?? 0);
  for (let at = from + (isFirst ? 3 : 4); at < to;) {
    const slotNo = numbers[at] ?? 0;
    const length = numbers[at + 1] ?? 0;
    at += 2;
    if (length === PUSHED) {
      const value = numbers[at] === 0 ? null : (numbers[at + 1] ?? 0);
      state.slots.set(slotNo, { value, eventAt: numbers[at + 2] ?? 0, createdAt: numbers[at + 3] ?? 0 });
      at += PUSHED_NUMBERS;
    } else {
      const panes: Pane[] = [];
      for (let index = 0; index < length; index += 1, at += PANE_NUMBERS) panes.push(readPane(numbers, at));
      state.slots.set(slotNo, panes);
    }
  }
  return state;
};
