/** What one entity holds, made for one read of it. */
import type { Pane, PushedValue } from '@shoal/models';
import type { StoredSlots } from '../../../ports/feature-store.ts';

type Held = PushedValue | readonly Pane[];

/** With more slots than this a search of all of them costs more than a map. */
const MAX_LISTED = 64;

/**
 * Slots lie in the order they were first written, and views ask for theirs in about that order: a search that begins where the last one
 * ended mostly ends there. A map of a few slots costs more to make than such a list to make and to ask.
 */
export class SlotList implements StoredSlots {
  readonly #slotNos: number[] = [];
  readonly #held: Held[] = [];
  #places: Map<number, Held> | undefined;
  #next = 0;

  get size(): number {
    return this.#places?.size ?? this.#slotNos.length;
  }

  /** Each slot once. */
  set(slotNo: number, held: Held): void {
    if (this.#places !== undefined) this.#places.set(slotNo, held);
    else if (this.#slotNos.length < MAX_LISTED) {
      this.#slotNos.push(slotNo);
      this.#held.push(held);
    } else {
      this.#places = new Map(this.#slotNos.map((listed, place) => [listed, this.#held[place] ?? []]));
      this.#places.set(slotNo, held);
    }
  }

  get(slotNo: number): Held | undefined {
    if (this.#places !== undefined) return this.#places.get(slotNo);
    const { length } = this.#slotNos;
    for (let place = this.#next; place < length; place += 1)
      if (this.#slotNos[place] === slotNo) return this.#at(place);
    for (let place = 0; place < this.#next; place += 1) if (this.#slotNos[place] === slotNo) return this.#at(place);
    return undefined;
  }

  /** The next search begins here: several features may look at one slot. */
  #at(place: number): Held | undefined {
    this.#next = place;
    return this.#held[place];
  }
}
