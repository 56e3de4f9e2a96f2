/** The processes of models that are new here: one model at a time in each, and another one after it when it left its place in order. */
import type { Bundle } from '../../bundle/read-bundle.ts';
import { ModelError } from '../../errors.ts';
import { isGateRefusal } from '../../gate/gate-rules.ts';
import { sessionKey, unloadFrom } from './child-calls.ts';
import { EngineChild } from './engine-child.ts';
import { probationLimits, runProbation, type ProbationOptions } from './probation.ts';
import type { ChildLaunch } from './spawn-child.ts';

export interface NurseryOptions extends ProbationOptions {
  readonly launch: (memoryMb: number) => ChildLaunch;
  /** Resolves when no trusted model waits for its process: those come first. Never rejects. */
  readonly whenQuiet: () => Promise<void>;
}

interface Place {
  readonly child: EngineChild;
  /** The caps it was started with. */
  readonly caps: string;
  /** The model that passed in it and is to go on there; null for nobody's. */
  readonly holds: string | null;
  readonly end: NodeJS.Timeout;
}

/** Models come one after the other when they come at all, on a busy machine slowly; a process costs its start, and its memory while it waits. */
const LINGER_MS = 30_000;
const MOST_PLACES = 2;

export class Nursery {
  readonly #options: NurseryOptions;
  readonly #places = new Set<Place>();
  readonly #busy = new Set<EngineChild>();
  #probing: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: NurseryOptions) {
    this.#options = options;
  }

  /**
   * One model at a time. What fails where other models have been before is tried once more in a process of its own, and only that
   * verdict counts: nobody is refused for what a stranger left behind. Rejects with the first failure of that one.
   */
  async probe(bundle: Bundle): Promise<void> {
    const probation = this.#probing.then(() => this.#options.whenQuiet()).then(() => this.#probe(bundle));
    this.#probing = probation.catch(() => undefined);
    return probation;
  }

  /** The process in which this model has passed, or an empty one; null when there is none with its caps and room for its memory. */
  take(bundle: Bundle): EngineChild | null {
    const caps = this.#capsFor(bundle);
    const fits = ({ child, caps: own }: Place): boolean => child.lost === null && own === caps;
    const fitting = [...this.#places].filter(fits);
    const own = fitting.find(({ holds }) => holds === sessionKey(bundle));
    const place = own ?? fitting.find(({ holds, child }) => holds === null && this.#hasRoom(child));
    if (place === undefined) return null;
    this.#places.delete(place);
    clearTimeout(place.end);
    return place.child;
  }

  /** Takes back the process of a model that left while it ran well. The next one finds it empty, or it ends soon. */
  async giveBack(child: EngineChild, bundle: Bundle): Promise<void> {
    try {
      await unloadFrom(child, sessionKey(bundle), this.#options.loadLimitMs);
    } catch {
      return child.stop();
    }
    return this.#keep(child, bundle, null);
  }

  /** Ends every process, and a probation that runs with ENGINE_CLOSED. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { end } of this.#places) clearTimeout(end);
    const children = [...this.#busy, ...[...this.#places].map(({ child }) => child)];
    this.#places.clear();
    await Promise.all([this.#probing, ...children.map((child) => child.stop())]);
  }

  async #probe(bundle: Bundle): Promise<void> {
    const used = this.take(bundle);
    if (used === null) return this.#probeIn(await this.#start(bundle), bundle);
    if (used.tenants.size === 0) return this.#probeIn(used, bundle);
    try {
      await this.#probeIn(used, bundle);
    } catch {
      await this.#probeIn(await this.#start(bundle), bundle);
    }
  }

  /** Who fails takes the process with it, unless the gate stopped it before the runtime saw a byte. */
  async #probeIn(child: EngineChild, bundle: Bundle): Promise<void> {
    this.#busy.add(child);
    try {
      if (this.#closed) await child.stop();
      await runProbation(child, bundle, this.#options);
      await this.#keep(child, bundle, sessionKey(bundle));
    } catch (error) {
      if (isGateRefusal(error)) await this.#keep(child, bundle, null);
      else await child.stop();
      throw error;
    } finally {
      this.#busy.delete(child);
    }
  }

  async #start(bundle: Bundle): Promise<EngineChild> {
    if (this.#closed) throw new ModelError('ENGINE_CLOSED', 'The engine is closed');
    const launch = this.#options.launch(bundle.manifest.resources.memoryMb);
    return EngineChild.start(launch, probationLimits(bundle.manifest, this.#options));
  }

  async #keep(child: EngineChild, bundle: Bundle, holds: string | null): Promise<void> {
    if (this.#closed || child.lost !== null) return child.stop();
    const end = setTimeout(() => void this.#end(place), LINGER_MS).unref();
    const place: Place = { child, caps: this.#capsFor(bundle), holds, end };
    this.#places.add(place);
    const [oldest] = this.#places;
    if (this.#places.size > MOST_PLACES && oldest !== undefined) await this.#end(oldest);
  }

  async #end(place: Place): Promise<void> {
    clearTimeout(place.end);
    this.#places.delete(place);
    await place.child.stop();
  }

  #capsFor({ manifest }: Bundle): string {
    return JSON.stringify(this.#options.launch(manifest.resources.memoryMb));
  }

  /** What earlier models left in memory must not be taken for this one's. */
  #hasRoom(child: EngineChild): boolean {
    const resident = child.measureResident();
    return resident === null || resident <= this.#options.limits(0).residentBytes;
  }
}
