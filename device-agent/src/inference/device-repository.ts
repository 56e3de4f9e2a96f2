/** The models of this device as one repository: those of its configuration, and those loaded on request. */
import { ModelError, type ModelRepository, type RepositoryEntry, type ServedModel } from '@shoal/models';
import type { ModelShelf } from './model-shelf.ts';
import type { ModelSlot } from './model-slot.ts';

export class DeviceRepository implements ModelRepository {
  readonly #slots: () => readonly ModelSlot[];
  readonly #shelf: ModelShelf | undefined;
  readonly unloaded?: () => Promise<readonly RepositoryEntry[]>;
  readonly load?: (name: string) => Promise<void>;
  readonly unload?: (name: string) => Promise<void>;

  /** Without a shelf nothing can be loaded. */
  constructor(slots: () => readonly ModelSlot[], shelf: ModelShelf | undefined) {
    this.#slots = slots;
    this.#shelf = shelf;
    if (shelf === undefined) return;
    this.unloaded = () => shelf.unloaded();
    this.load = (name) => this.#ifFree(name, () => shelf.load(name));
    this.unload = (name) => this.#ifFree(name, () => shelf.unload(name));
  }

  /** A bundle that looks at two sensors is one model here. */
  list(): readonly ServedModel[] {
    const all = [...this.#slots().map(({ served }) => served), ...(this.#shelf?.list() ?? [])];
    const keys = all.map(({ manifest }) => `${manifest.name}/${manifest.version}`);
    return all.filter((_, index) => keys.indexOf(keys[index] ?? '') === index);
  }

  get(name: string, version?: string): ServedModel | undefined {
    return this.list().find(
      ({ manifest }) => manifest.name === name && (version === undefined || manifest.version === version),
    );
  }

  /** Throws REQUEST_INVALID for a model of the configuration. */
  async #ifFree(name: string, change: () => Promise<void>): Promise<void> {
    if (this.#slots().some(({ model }) => model.name === name))
      throw new ModelError('REQUEST_INVALID', `${name} is named by the configuration of this device; change it there`);
    await change();
  }
}
