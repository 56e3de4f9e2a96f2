/** The state of one entity as one blob: little work to read, all of its features in it. */
import type { Pane, PushedValue } from '@shoal/models';
import type { StoredEntity } from '../../../ports/feature-store.ts';
import { knowsWindows, readEarlierSlots, type SlotSink } from './earlier-states.ts';
import {
  isSingle,
  PANE_NUMBERS,
  readPane,
  readSingle,
  SINGLE_NUMBERS,
  writePane,
  writeSingle,
} from './pane-numbers.ts';
import { SlotList } from './slot-list.ts';

export interface EntityState extends StoredEntity {
  pushedAt: number;
  streamAt: number;
  windowAt: number;
  readonly slots: Map<number, PushedValue | Pane[]>;
}

export const emptyState = (): EntityState => ({ pushedAt: 0, streamAt: 0, windowAt: 0, slots: new Map() });

/** Number of the format and three instants; then slot by slot its number and kind in one, and what it holds. */
const FORMAT = 3;
const FIRST_SLOT = 4;

/** A value, when it was, and since when it is known. */
const PUSHED = 0;
/** So many panes. */
const PANES = 1;
/** So many panes of one value each. */
const SINGLES = 2;
const KINDS = 4;
/** With its head. */
const PUSHED_NUMBERS = 4;

const asBytes = (numbers: readonly number[]): Buffer => Buffer.from(Float64Array.from(numbers).buffer);

/** A blob of SQLite starts anywhere; numbers must start at a multiple of their size. */
export const asNumbers = (bytes: Uint8Array): Float64Array =>
  bytes.byteOffset % Float64Array.BYTES_PER_ELEMENT === 0
    ? new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / Float64Array.BYTES_PER_ELEMENT)
    : new Float64Array(bytes.slice().buffer);

export const encodePane = (pane: Pane): Buffer => {
  const numbers: number[] = [];
  if (isSingle(pane)) writeSingle(numbers, pane);
  else writePane(numbers, pane);
  return asBytes(numbers);
};

export const decodePane = (bytes: Uint8Array): Pane => {
  const numbers = asNumbers(bytes);
  return numbers.length === SINGLE_NUMBERS ? readSingle(numbers, 0) : readPane(numbers, 0);
};

export const encodeState = (state: EntityState): Buffer => {
  const numbers = [FORMAT, state.pushedAt, state.streamAt, state.windowAt];
  for (const [slotNo, held] of state.slots) {
    if (!Array.isArray(held)) {
      // No value of a feature is NaN.
      numbers.push(slotNo * KINDS + PUSHED, held.value ?? Number.NaN, held.eventAt, held.createdAt);
      continue;
    }
    const areSingle = held.every(isSingle);
    numbers.push(slotNo * KINDS + (areSingle ? SINGLES : PANES), held.length);
    for (const pane of held) (areSingle ? writeSingle : writePane)(numbers, pane);
  }
  return asBytes(numbers);
};

/** To be changed. */
export const decodeState = (bytes: Uint8Array): EntityState => {
  const numbers = asNumbers(bytes);
  return decoded(new Map<number, PushedValue | Pane[]>(), numbers, 0, numbers.length);
};

/** To be read; of a state that lies among others. */
export const readState = (numbers: Float64Array, from: number, to: number): StoredEntity =>
  decoded(new SlotList(), numbers, from, to);

interface Decoded<S> {
  pushedAt: number;
  streamAt: number;
  windowAt: number;
  readonly slots: S;
}

const decoded = <S extends SlotSink>(slots: S, numbers: Float64Array, from: number, to: number): Decoded<S> => {
  const format = numbers[from] ?? 0;
  if (format === FORMAT) readSlots(slots, numbers, from + FIRST_SLOT, to);
  else readEarlierSlots(slots, numbers, from, to);
  return {
    pushedAt: numbers[from + 1] ?? 0,
    streamAt: numbers[from + 2] ?? 0,
    windowAt: knowsWindows(format) ? (numbers[from + 3] ?? 0) : 0,
    slots,
  };
};

const readSlots = (slots: SlotSink, numbers: Float64Array, from: number, to: number): void => {
  for (let at = from; at < to;) {
    const head = numbers[at] ?? 0;
    const kind = head % KINDS;
    const slotNo = (head - kind) / KINDS;
    if (kind === PUSHED) {
      const value = numbers[at + 1] ?? Number.NaN;
      const [eventAt = 0, createdAt = 0] = [numbers[at + 2], numbers[at + 3]];
      slots.set(slotNo, { value: Number.isNaN(value) ? null : value, eventAt, createdAt });
      at += PUSHED_NUMBERS;
    } else {
      const [read, size] = kind === SINGLES ? [readSingle, SINGLE_NUMBERS] : [readPane, PANE_NUMBERS];
      const end = at + 2 + (numbers[at + 1] ?? 0) * size;
      const panes: Pane[] = [];
      for (at += 2; at < end; at += size) panes.push(read(numbers, at));
      slots.set(slotNo, panes);
    }
  }
};
