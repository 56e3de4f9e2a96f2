/** What a job comes down to on this server now: its model, its features, and the entities that would be scored. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { Injectable } from '@nestjs/common';
import { ModelError, type Bundle } from '@shoal/models';
import type { ScoringJob } from '@shoal/protocol';
import { DeviceDirectory } from '../devices/device-directory.service.ts';
import { FleetError } from '../errors.ts';
import { FeatureReader, type VectorPlan } from '../feature-views/feature-reader.service.ts';
import { ServedModels } from '../inference/served-models.service.ts';
import type { EntityOrigin, VectorLayout } from '../ports/score-runner.ts';
import type { ScoreColumn } from '../ports/score-store.ts';
import { listName } from './run-identity.ts';
import { columnsOf } from './score-columns.ts';
import { Surroundings } from './surroundings.service.ts';

export interface RunTarget {
  readonly bundle: Bundle;
  readonly columns: readonly ScoreColumn[];
  readonly layout: VectorLayout;
}

export interface RunInput {
  /** What names it. */
  readonly input: string;
  readonly origin: EntityOrigin;
  /** Of a list that is drawn up now, ascending. */
  readonly entities: readonly string[] | null;
}

@Injectable()
export class RunTargets {
  private readonly models: ServedModels;
  private readonly features: FeatureReader;
  private readonly devices: DeviceDirectory;
  private readonly around: Surroundings;

  constructor(models: ServedModels, features: FeatureReader, devices: DeviceDirectory, around: Surroundings) {
    this.models = models;
    this.features = features;
    this.devices = devices;
    this.around = around;
  }

  /**
   * `version` outweighs that of the job.
   * @throws FleetError SCORING_MODEL_UNFIT | FEATURE_VIEW_NOT_FOUND | FEATURE_VIEW_MISMATCH, ModelError MODEL_NOT_FOUND
   */
  resolve({ model: { name, version }, entities }: ScoringJob, pinned = version): RunTarget {
    const model = this.models.get(name, pinned);
    if (model === undefined) {
      throw new ModelError('MODEL_NOT_FOUND', `There is no model ${name}${pinned === undefined ? '' : ` ${pinned}`}`);
    }
    const columns = columnsOf(model.manifest);
    const width = model.manifest.signature.inputs[0]?.shape[1] ?? 0;
    const { entityView } = model.manifest;
    const layout = entityView === undefined ? plainLayout(width) : layoutOf(this.features.plan(entityView));
    if (layout.names.length !== width) {
      throw unfit(`${name} pins ${layout.names.length} features of entities, and its input has ${width}.`);
    }
    if (entities.kind !== 'file' && layout.views.length === 0) {
      throw unfit(`${name} pins no features of entities; it can only score a file that has its inputs.`);
    }
    if (entities.kind === 'view') this.viewNo(layout, entities.view);
    return { bundle: model.bundle, columns, layout };
  }

  /** What there is to score now. @throws FleetError SCORING_FILE_NOT_FOUND */
  async input({ entities }: ScoringJob, { layout }: RunTarget): Promise<RunInput> {
    if (entities.kind === 'devices') {
      const ids = this.deviceIds(entities.labels);
      return { input: listName(ids), origin: { kind: 'listed' }, entities: ids };
    }
    if (entities.kind === 'view') {
      const [compiled] = this.features.plan(entities.view).views;
      const input = `view:${compiled?.hash ?? ''}`;
      return { input, origin: { kind: 'view', viewNo: this.viewNo(layout, entities.view) }, entities: null };
    }
    const origin = await this.fileOrigin(entities);
    return { input: await fileName(origin.path), origin, entities: null };
  }

  /** Where a run that was submitted before reads its entities. */
  async origin({ entities }: ScoringJob, { layout }: RunTarget): Promise<EntityOrigin> {
    if (entities.kind === 'devices') return { kind: 'listed' };
    if (entities.kind === 'view') return { kind: 'view', viewNo: this.viewNo(layout, entities.view) };
    return this.fileOrigin(entities);
  }

  private viewNo({ views }: VectorLayout, name: string): number {
    const { view } = this.features.plan(name).views[0] ?? {};
    const found = views.find((candidate) => candidate.view.name === view?.name);
    if (found !== undefined) return found.viewNo;
    throw unfit(`The model pins no features of view ${name}, so its entities have nothing to be scored by.`);
  }

  private deviceIds(labels: Readonly<Record<string, string>>): string[] {
    const wanted = Object.entries(labels);
    const ids: string[] = [];
    for (const { facts } of this.devices.entries()) {
      if (wanted.every(([key, value]) => facts.labels[key] === value)) ids.push(facts.deviceId);
    }
    return ids.sort();
  }

  /** Links are followed before it is looked at where the file lies. */
  private async fileOrigin({
    path,
    format,
  }: Extract<ScoringJob['entities'], { kind: 'file' }>): Promise<Extract<EntityOrigin, { kind: 'file' }>> {
    const { importFolder } = this.around.config;
    if (importFolder === undefined) {
      throw new FleetError('SCORING_FILE_NOT_FOUND', 'This server has no scoring.importFolder to read files from.');
    }
    try {
      const folder = await realpath(resolve(importFolder));
      const file = await realpath(join(folder, path));
      const inside = relative(folder, file);
      if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`)) throw new Error('it lies outside');
      return { kind: 'file', path: file, format };
    } catch (cause) {
      throw new FleetError('SCORING_FILE_NOT_FOUND', `There is no file ${path} in the import folder.`, { cause });
    }
  }
}

const fileName = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer);
  return `file:${hash.digest('hex')}`;
};

const unfit = (message: string): FleetError => new FleetError('SCORING_MODEL_UNFIT', message);

/** The rows come whole out of a file. */
const plainLayout = (width: number): VectorLayout => ({
  names: Array.from({ length: width }, (_, index) => String(index)),
  views: [],
  picks: [],
});

/** Nothing but what can go to another thread. */
export const layoutOf = ({ names, views, picks }: VectorPlan): VectorLayout => ({
  names,
  views: views.map(({ viewNo, view, slotNos, asOfSlots }) => ({ viewNo, view, slotNos, asOfSlots })),
  picks: picks.map(({ of, index }) => ({ of, index })),
});
