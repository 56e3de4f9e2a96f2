/**
 * Encoded states of entities that were read lately, bounded by their bytes: two generations, of which the older one goes as a whole.
 * Whoever writes forgets what was written before the writer is answered, so that nobody reads what an answered write replaced.
 *
 * The numbers of a generation lie in one piece of memory: an object each would cost the processor more to find than to decode, and the
 * garbage collector a look at every one of them.
 */

const BYTES = Float64Array.BYTES_PER_ELEMENT;

/** Says what a state is that lies from `from` until `to`. */
export type Decode<T> = (numbers: Float64Array, from: number, to: number) => T;

class Generation {
  readonly #numbers: Float64Array;
  /** By view and entity, where the length is that its state follows. */
  readonly #places = new Map<number, Map<string, number>>();
  #end = 0;

  constructor(numbers: Float64Array) {
    this.#numbers = numbers;
  }

  place(viewNo: number, entity: string): number | undefined {
    return this.#places.get(viewNo)?.get(entity);
  }

  decode<T>(place: number, decode: Decode<T>): T {
    const from = place + 1;
    return decode(this.#numbers, from, from + (this.#numbers[place] ?? 0));
  }

  stateAt(place: number): Float64Array {
    return this.decode(place, (numbers, from, to) => numbers.subarray(from, to));
  }

  /** False when it is full. */
  add(viewNo: number, entity: string, state: Float64Array): boolean {
    const place = this.#end;
    if (place + 1 + state.length > this.#numbers.length) return false;
    this.#numbers[place] = state.length;
    this.#numbers.set(state, place + 1);
    this.#end += 1 + state.length;
    const places = this.#places.get(viewNo);
    if (places === undefined) this.#places.set(viewNo, new Map([[entity, place]]));
    else places.set(entity, place);
    return true;
  }

  /** What it took stays taken: a generation ends a little early. */
  forget(viewNo: number, entity: string): void {
    this.#places.get(viewNo)?.delete(entity);
  }

  /** One that holds nothing yet, in the same memory. */
  successor(): Generation {
    return new Generation(this.#numbers);
  }
}

export class HeldStates {
  readonly #numbersPerGeneration: number;
  #young: Generation | undefined;
  #old: Generation | undefined;

  /** `maxBytes` of states; 0 holds nothing. Memory is taken as it is written to. */
  constructor(maxBytes: number) {
    this.#numbersPerGeneration = Math.floor(maxBytes / 2 / BYTES);
  }

  get<T>(viewNo: number, entity: string, decode: Decode<T>): T | undefined {
    const young = this.#young?.place(viewNo, entity);
    if (young !== undefined) return this.#young?.decode(young, decode);
    const old = this.#old?.place(viewNo, entity);
    if (this.#old === undefined || old === undefined) return undefined;
    const found = this.#old.decode(old, decode);
    this.hold(viewNo, entity, this.#old.stateAt(old));
    return found;
  }

  hold(viewNo: number, entity: string, state: Float64Array): void {
    if (state.length + 1 > this.#numbersPerGeneration) return;
    this.#young ??= new Generation(new Float64Array(this.#numbersPerGeneration));
    if (this.#young.add(viewNo, entity, state)) return;
    // The state may lie in the generation that goes.
    const kept = state.slice();
    const next = this.#old?.successor() ?? new Generation(new Float64Array(this.#numbersPerGeneration));
    this.#old = this.#young;
    this.#young = next;
    next.add(viewNo, entity, kept);
  }

  forget(viewNo: number, entity: string): void {
    this.#young?.forget(viewNo, entity);
    this.#old?.forget(viewNo, entity);
  }

  clear(): void {
    this.#young = this.#young?.successor();
    this.#old = this.#old?.successor();
  }
}
