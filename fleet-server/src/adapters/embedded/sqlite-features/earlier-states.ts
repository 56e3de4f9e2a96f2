/** States as earlier versions of the file have them; a state is written anew with its next change. */
import type { Pane, PushedValue } from '@shoal/models';
import { PANE_NUMBERS, readPane } from './pane-numbers.ts';

export interface SlotSink {
  set(slotNo: number, held: PushedValue | Pane[]): unknown;
}

/** The first had no instant of windows. */
const FIRST_FORMAT = 1;
const PUSHED_NUMBERS = 4;

/** Where later ones have the number of panes. */
const PUSHED = -1;

export const knowsWindows = (format: number): boolean => format !== FIRST_FORMAT;

/** The first and the second format. */
export const readEarlierSlots = (slots: SlotSink, numbers: Float64Array, from: number, to: number): void => {
  for (let at = from + (knowsWindows(numbers[from] ?? 0) ? 4 : 3); at < to;) {
    const slotNo = numbers[at] ?? 0;
    const length = numbers[at + 1] ?? 0;
    at += 2;
    if (length === PUSHED) {
      const value = numbers[at] === 0 ? null : (numbers[at + 1] ?? 0);
      slots.set(slotNo, { value, eventAt: numbers[at + 2] ?? 0, createdAt: numbers[at + 3] ?? 0 });
      at += PUSHED_NUMBERS;
    } else {
      const panes: Pane[] = [];
      for (let index = 0; index < length; index += 1, at += PANE_NUMBERS) panes.push(readPane(numbers, at));
      slots.set(slotNo, panes);
    }
  }
};
