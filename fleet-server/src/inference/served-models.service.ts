/** The models this server answers with: the shipped catalogue and the folders of the configuration, loaded and unloaded by name. */
import { Injectable } from '@nestjs/common';
import {
  asModelError,
  ModelError,
  schedulerLimits,
  type Bundle,
  type ModelRepository,
  type RepositoryEntry,
  type ServedModel,
} from '@shoal/models';
import { readVersion } from '../version.ts';
import { bundlesOf, bundleSources } from './bundle-sources.ts';
import { EngineInstances } from './engine-instances.ts';
import { EntityFeatures } from './entity-features.service.ts';
import { observeModel } from './inference-metrics.ts';
import { ModelVersion } from './model-version.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class ServedModels implements ModelRepository {
  private readonly around: Surroundings;
  private readonly features: EntityFeatures;
  private readonly engines: EngineInstances;
  /** By name; newest version first. */
  private readonly served = new Map<string, readonly ModelVersion[]>();
  private all: readonly ModelVersion[] = [];
  /** Why a folder is not served, by name of its model. */
  private readonly faults = new Map<string, string>();

  constructor(around: Surroundings, features: EntityFeatures) {
    this.around = around;
    this.features = features;
    this.engines = new EngineInstances(around.config.inference.instances, readVersion());
  }

  /** Reads every bundle there is; a broken one is logged and shown as unavailable. Engines start now and in the background, or with the first request. */
  async open(): Promise<void> {
    for (const name of await this.names()) {
      try {
        await this.read(name);
      } catch (error) {
        const { message, code } = asModelError(error, 'BUNDLE_CONTENT_INVALID');
        this.faults.set(name, message);
        this.around.log.error({ model: name, code }, message);
      }
    }
    this.around.metrics.beforeExpose(() => this.all.forEach((model) => this.showPending(model)));
    if (this.around.config.inference.start === 'eager') for (const model of this.all) this.startInBackground(model);
  }

  list(): readonly ServedModel[] {
    return this.all;
  }

  get(name: string, version?: string): ModelVersion | undefined {
    const versions = this.served.get(name);
    return version === undefined ? versions?.[0] : versions?.find(({ manifest }) => manifest.version === version);
  }

  /** The only version of the only model, where there is but one. */
  only(): ModelVersion | undefined {
    return this.all.length === 1 ? this.all[0] : undefined;
  }

  async unloaded(): Promise<readonly RepositoryEntry[]> {
    const names = (await this.names()).filter((name) => !this.served.has(name));
    return names.map((name) => ({ name, state: 'UNAVAILABLE', reason: this.faults.get(name) ?? 'unloaded' }));
  }

  /** Reads its folders again and resolves when every version is ready; the versions before answer until then. */
  async load(name: string): Promise<void> {
    const before = this.served.get(name) ?? [];
    const versions = await bundlesOf(this.around.config.inference, name);
    if (versions.length === 0) throw new ModelError('MODEL_NOT_FOUND', `No folder here has a model ${name}`);
    const models = versions.map((bundle) => this.create(bundle));
    try {
      await Promise.all(models.map((model) => model.start()));
    } catch (error) {
      await Promise.all(models.map((model) => model.close()));
      throw error;
    }
    this.keep(name, models);
    await Promise.all(before.map((model) => model.close()));
  }

  /** Takes nothing more in; what was admitted is answered. */
  async unload(name: string): Promise<void> {
    const models = this.served.get(name);
    if (models === undefined) throw new ModelError('MODEL_NOT_FOUND', `There is no model ${name}`);
    this.keep(name, []);
    this.faults.delete(name);
    await Promise.all(models.map((model) => model.close()));
    for (const model of models) this.showPending(model);
  }

  /** Everything that waits is rejected. */
  async close(): Promise<void> {
    await this.engines.close();
    await this.around.codec.stop();
  }

  private showPending(model: ModelVersion): void {
    const { name, version } = model.manifest;
    const pending = model.statistics()?.pendingRequests ?? 0;
    this.around.metrics.gauge('inference_pending_requests', pending, { model: name, version });
  }

  private async names(): Promise<readonly string[]> {
    return [...new Set((await bundleSources(this.around.config.inference)).map(({ name }) => name))];
  }

  private startInBackground(model: ModelVersion): void {
    const { name: modelName, version } = model.manifest;
    model.start().catch((error: unknown) => {
      // Unloaded, or the server stopped, before the engine was ready: nobody asks for it any more.
      if (error instanceof ModelError && error.code === 'MODEL_CLOSED') return;
      this.around.log.error({ err: error, model: modelName, version }, 'no engine runs this model');
    });
  }

  private async read(name: string): Promise<void> {
    const bundles = await bundlesOf(this.around.config.inference, name);
    this.keep(
      name,
      bundles.map((bundle) => this.create(bundle)),
    );
  }

  private create(bundle: Bundle): ModelVersion {
    const { maxBatchRows, maxQueuedRows, instances } = this.around.config.inference;
    const { name, version } = bundle.manifest;
    const complete = this.features.completionOf(bundle);
    return new ModelVersion({
      bundle,
      engines: this.engines,
      limits: schedulerLimits({ maxBatchRows, maxQueuedRows }, instances),
      observer: observeModel(this.around.metrics, name, version),
      ...(complete !== undefined && { complete }),
    });
  }

  private keep(name: string, models: readonly ModelVersion[]): void {
    if (models.length === 0) this.served.delete(name);
    else this.served.set(name, models);
    this.all = [...this.served.keys()].toSorted().flatMap((key) => this.served.get(key) ?? []);
  }
}
