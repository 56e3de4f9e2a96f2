/**
 * Encoded states of entities that were read lately, bounded by their bytes: two generations, of which the older one goes as a whole.
 * Whoever writes forgets what was written before the writer is answered, so that nobody reads what an answered write replaced.
 */

type Generation = Map<number, Map<string, Buffer>>;

export class HeldStates {
  readonly #bytesPerGeneration: number;
  #young: Generation = new Map();
  #old: Generation = new Map();
  #youngBytes = 0;

  /** `maxBytes` of states; 0 holds nothing. */
  constructor(maxBytes: number) {
    this.#bytesPerGeneration = maxBytes / 2;
  }

  get(viewNo: number, entity: string): Buffer | undefined {
    const young = this.#young.get(viewNo)?.get(entity);
    if (young !== undefined) return young;
    const old = this.#old.get(viewNo)?.get(entity);
    if (old !== undefined) this.hold(viewNo, entity, old);
    return old;
  }

  hold(viewNo: number, entity: string, state: Buffer): void {
    if (state.length > this.#bytesPerGeneration) return;
    if (this.#youngBytes + state.length > this.#bytesPerGeneration) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    const held = this.#young.get(viewNo);
    if (held === undefined) this.#young.set(viewNo, new Map([[entity, state]]));
    else held.set(entity, state);
    this.#youngBytes += state.length;
  }

  /** The bytes stay counted: a generation ends a little early. */
  forget(viewNo: number, entity: string): void {
    this.#young.get(viewNo)?.delete(entity);
    this.#old.get(viewNo)?.delete(entity);
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#youngBytes = 0;
  }
}
