/** Which model of an engine lives in which process: each in its own while memory lasts, the trusted ones together after that. */
import type { ChildModel } from './child-model.ts';
import type { Lane } from './lane.ts';
import { endGivingWay } from './spawn-child.ts';
import { afterAnswer, type Standing } from './trial.ts';

export interface PlacesOptions {
  readonly createLane: () => Lane;
  /** Bytes that a process whose models declare `memoryMb` may come to hold. */
  readonly residentBytes: (memoryMb: number) => number;
  /** Whether the machine can spare so many bytes more. */
  readonly hasRoom: (wantedBytes: number) => boolean;
}

interface Place {
  readonly lane: Lane;
  readonly standing: Standing;
}

const memoryOf = (models: readonly ChildModel[]): number =>
  models.reduce((total, { bundle }) => total + bundle.manifest.resources.memoryMb, 0);

export class Places {
  readonly #options: PlacesOptions;
  readonly #models = new Set<ChildModel>();
  /** Of models on trial, of trusted ones with a process of their own, and of those that were found to cost others something. */
  readonly #own = new Map<ChildModel, Place>();
  #shared: Lane;

  constructor(options: PlacesOptions) {
    this.#options = options;
    this.#shared = options.createLane();
  }

  get models(): readonly ChildModel[] {
    return [...this.#models];
  }

  get lanes(): readonly Lane[] {
    return [...new Set([this.#shared, ...[...this.#own.values()].map(({ lane }) => lane)])];
  }

  laneOf(model: ChildModel): Lane {
    return this.#own.get(model)?.lane ?? this.#shared;
  }

  modelsIn(lane: Lane): readonly ChildModel[] {
    return this.models.filter((model) => this.laneOf(model) === lane);
  }

  /** What the models of a process declare together. */
  memoryMb(lane: Lane): number {
    return memoryOf(this.modelsIn(lane));
  }

  isOnTrial(model: ChildModel): boolean {
    return this.#own.get(model)?.standing.kind === 'trial';
  }

  /** Whether somebody lives there who is new or has done harm: everything else goes before it. */
  givesWay(lane: Lane): boolean {
    return [...this.#own.values()].some((place) => place.lane === lane && place.standing.kind !== 'alone');
  }

  admitNew(model: ChildModel, lane: Lane): void {
    this.#models.add(model);
    this.#own.set(model, { lane, standing: { kind: 'trial', answers: 0 } });
  }

  /** Into a process of its own where there is room, the one of the same bytes, whose fate it shares, or that of all who find no room. */
  admitTrusted(model: ChildModel): void {
    const place = this.#placeFor(model);
    this.#models.add(model);
    if (place !== null) this.#own.set(model, place);
  }

  /** It is listed no more; `laneOf` knows where it was until `forget`. */
  dismiss(model: ChildModel): void {
    this.#models.delete(model);
  }

  forget(model: ChildModel): void {
    this.#own.delete(model);
  }

  /**
   * Leaves a model that costs others something the process it is in, lost or not, and gives the others a new one with all that
   * waits. It stays apart until it is closed; its losses are its own.
   */
  part(model: ChildModel): void {
    const lane = this.laneOf(model);
    const isShared = lane === this.#shared;
    if (isShared && this.modelsIn(lane).length < 2) return;
    this.#own.set(model, { lane, standing: { kind: 'apart' } });
    if (!isShared) return;
    this.#shared = this.#options.createLane();
    lane.renewProcess();
    for (const job of lane.take((waiting) => waiting.model !== model)) this.#shared.push(job);
  }

  /** After an answer: when its trial is over the model keeps its process while memory lasts, and else goes to the others. */
  async noteAnswer(model: ChildModel): Promise<void> {
    const own = this.#own.get(model);
    if (own === undefined || own.standing.kind !== 'trial') return;
    const { lane } = own;
    const standing = afterAnswer(own.standing);
    if (standing !== null) return void this.#own.set(model, { lane, standing });
    this.#own.delete(model);
    const together = this.modelsIn(this.#shared);
    const wasAlwaysAlone = lane.slot.child?.tenants.size === 1;
    if (together.length === 1 && wasAlwaysAlone) this.#shared = lane;
    else if (this.#options.hasRoom(0) || !this.#shared.slot.holds(memoryOf(together)))
      this.#own.set(model, { lane, standing: { kind: 'alone' } });
    else return this.#join(lane);
    if (lane.slot.child?.pid != null) endGivingWay(lane.slot.child.pid);
  }

  async #join(lane: Lane): Promise<void> {
    for (const job of lane.take(() => true)) this.#shared.push(job);
    await lane.slot.release();
  }

  /** Null for the shared one. */
  #placeFor(model: ChildModel): Place | null {
    const twin = [...this.#own].find(([other, { standing }]) => other.key === model.key && standing.kind === 'alone');
    if (twin !== undefined) return twin[1];
    const others = this.modelsIn(this.#shared);
    if (others.length === 0 || others.some(({ key }) => key === model.key)) return null;
    const { memoryMb } = model.bundle.manifest.resources;
    const isCrowded = !this.#options.hasRoom(this.#options.residentBytes(memoryMb));
    // Larger caps would cost those who are there their process.
    if (isCrowded && this.#shared.slot.holds(memoryOf(others) + memoryMb)) return null;
    return { lane: this.#options.createLane(), standing: { kind: 'alone' } };
  }
}
