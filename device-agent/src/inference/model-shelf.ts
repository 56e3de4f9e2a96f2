/** Models that are loaded and unloaded on request, from bundles in one folder; they look at no sensor and only answer. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ModelError,
  ModelMeter,
  readBundle,
  type Bundle,
  type EngineSupervisor,
  type RepositoryEntry,
  type ServedModel,
  type SupervisedModel,
} from '@shoal/models';
import type { SlotState } from './model-slot-runner.port.ts';
import { servedModel } from './served-model.ts';
import { readTrustedKeys } from './trusted-keys.ts';

export interface ModelShelfOptions {
  /** Holds a bundle in each of its folders, which is called as its model is. */
  readonly folder: string;
  readonly maxModels: number;
  readonly requireSignature: boolean;
  /** Key id to PEM file. */
  readonly trustedKeyFiles: Readonly<Record<string, string>>;
}

interface ShelfModel {
  readonly bundle: Bundle;
  readonly served: ServedModel;
  handle: SupervisedModel | undefined;
}

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const WORDS = { starting: 'loading', restarting: 'loading', ready: 'ready', unavailable: 'unavailable' } as const;

const stateOf = (handle: SupervisedModel | undefined): SlotState => {
  if (handle === undefined) return { status: 'loading', engine: null, reason: 'engines start' };
  const { status, engine, reason } = handle.state();
  return { status: WORDS[status], engine, reason: reason?.message ?? null };
};

const shelfModel = (bundle: Bundle): ShelfModel => {
  const model: ShelfModel = {
    bundle,
    handle: undefined,
    served: servedModel({
      manifest: bundle.manifest,
      meter: new ModelMeter(),
      handle: () => model.handle,
      state: () => stateOf(model.handle),
    }),
  };
  return model;
};

export class ModelShelf {
  readonly #options: ModelShelfOptions;
  readonly #models = new Map<string, ShelfModel>();
  #supervisor: EngineSupervisor | undefined;

  constructor(options: ModelShelfOptions) {
    this.#options = options;
  }

  list(): readonly ServedModel[] {
    return [...this.#models.values()].map(({ served }) => served);
  }

  /** Bundles of the folder that are not loaded. */
  async unloaded(): Promise<readonly RepositoryEntry[]> {
    const entries = await readdir(this.#options.folder, { withFileTypes: true }).catch(() => []);
    return entries
      .filter((entry) => entry.isDirectory() && NAME.test(entry.name) && !this.#models.has(entry.name))
      .map(({ name }) => ({ name, state: 'UNAVAILABLE', reason: 'unloaded' }));
  }

  /** Resolves when the model is ready. The version before serves until then. Rejects with ModelError. */
  async load(name: string): Promise<void> {
    const { folder, maxModels } = this.#options;
    const supervisor = this.#supervisor;
    if (!NAME.test(name)) throw new ModelError('MODEL_NOT_FOUND', `"${name.slice(0, 64)}" is no name of a model`);
    if (supervisor === undefined)
      throw new ModelError('ENGINE_UNAVAILABLE', 'The engines of this device start; try again');
    if (!this.#models.has(name) && this.#models.size >= maxModels)
      throw new ModelError('REQUEST_INVALID', `${maxModels} models are loaded; unload one first`);
    const model = shelfModel(await this.#read(name, join(folder, name)));
    const handle = await supervisor.load(model.bundle);
    const { status, reason } = handle.state();
    if (status === 'unavailable') {
      await handle.close();
      throw new ModelError(reason?.code ?? 'ENGINE_UNAVAILABLE', reason?.message ?? `No engine runs ${name}`);
    }
    model.handle = handle;
    const before = this.#models.get(name);
    this.#models.set(name, model);
    await before?.handle?.close();
  }

  /** Waiting requests reject. Throws MODEL_NOT_FOUND. */
  async unload(name: string): Promise<void> {
    const model = this.#models.get(name);
    if (model === undefined) throw new ModelError('MODEL_NOT_FOUND', `No model ${name} was loaded on request`);
    this.#models.delete(name);
    await model.handle?.close();
  }

  /** What was loaded before is loaded again. */
  async attach(supervisor: EngineSupervisor): Promise<void> {
    this.#supervisor = supervisor;
    for (const model of this.#models.values()) model.handle = await supervisor.load(model.bundle);
  }

  /** Requests are refused from now on until `attach`. */
  detach(): void {
    this.#supervisor = undefined;
    for (const model of this.#models.values()) model.handle = undefined;
  }

  async #read(name: string, folder: string): Promise<Bundle> {
    const { requireSignature, trustedKeyFiles } = this.#options;
    const signaturePolicy = requireSignature ? 'require' : 'allow-unsigned';
    const bundle = await readBundle(folder, { signaturePolicy, trustedKeys: await readTrustedKeys(trustedKeyFiles) });
    if (bundle.manifest.name === name) return bundle;
    throw new ModelError(
      'BUNDLE_MANIFEST_INVALID',
      `${folder} holds ${bundle.manifest.name}; name the folder like that`,
    );
  }
}
