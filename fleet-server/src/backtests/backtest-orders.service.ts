/** What a backtest comes down to on this server now: two releases, the devices, the features of entities. */
import { Injectable } from '@nestjs/common';
import { isWindowed } from '@shoal/models';
import type { BacktestIncident } from '@shoal/protocol';
import { DeviceDirectory } from '../devices/device-directory.service.ts';
import { matchesLabels, parseLabelFilter, type LabelTerm } from '../devices/device-labels.ts';
import { FleetError } from '../errors.ts';
import { FeatureReader } from '../feature-views/feature-reader.service.ts';
import type { BacktestModel, BacktestOrder } from '../ports/backtest-runner.ts';
import { ModelBundles, type ReleasedBundle } from '../ports/model-bundles.ts';
import { layoutOf } from '../scoring/run-targets.service.ts';
import { columnsOf } from '../scoring/score-columns.ts';
import type { BacktestDefinition, BacktestRecord } from './backtest.ts';

const HOUR_MS = 3_600_000;

export interface BacktestReleases {
  readonly candidate: ReleasedBundle;
  readonly champion: ReleasedBundle;
}

@Injectable()
export class BacktestOrders {
  private readonly bundles: ModelBundles;
  private readonly features: FeatureReader;
  private readonly directory: DeviceDirectory;

  constructor(bundles: ModelBundles, features: FeatureReader, directory: DeviceDirectory) {
    this.bundles = bundles;
    this.features = features;
    this.directory = directory;
  }

  /** @throws FleetError MODEL_RELEASE_NOT_FOUND | MODEL_ALIAS_NOT_FOUND | BACKTEST_UNFIT | REQUEST_INVALID, and of features */
  async releases(definition: BacktestDefinition): Promise<BacktestReleases> {
    const { model, candidate, against } = definition;
    const releases = {
      candidate: await this.bundles.show(model, candidate),
      champion: await this.bundles.show(model, against),
    };
    if (releases.candidate.digest === releases.champion.digest) {
      const { version } = releases.candidate;
      throw unfit(`${candidate} and ${against} of ${model} are the same release ${version}; nothing could differ.`);
    }
    this.fit(releases);
    labelTerms(definition.devices);
    return releases;
  }

  /** @throws FleetError as `releases`, also when a release is not the one any more that was asked for */
  async order(record: BacktestRecord, incidents: readonly BacktestIncident[] | undefined): Promise<BacktestOrder> {
    const { model, definition, from, to, backtestId } = record;
    const bundles = {
      candidate: await this.bundles.show(model, record.candidate.version),
      champion: await this.bundles.show(model, record.champion.version),
    };
    for (const side of ['candidate', 'champion'] as const) {
      if (bundles[side].digest !== record[side].digest) {
        const message = `${model} ${record[side].version} is not the release any more that was asked for.`;
        throw new FleetError('MODEL_RELEASE_NOT_FOUND', message);
      }
    }
    const models = this.fit(bundles);
    const { window } = bundles.candidate.manifest;
    return {
      backtestId,
      ...models,
      from,
      to,
      devices: window === undefined ? [] : this.devices(definition),
      source: definition.source,
      everyMs: window?.hopMs ?? definition.everyHours * HOUR_MS,
      incidents,
    };
  }

  /** Both look at windows, or both at features of entities. */
  private fit({ candidate, champion }: BacktestReleases): Pick<BacktestOrder, 'candidate' | 'champion'> {
    const models = { candidate: this.modelOf(candidate), champion: this.modelOf(champion) };
    if ((models.candidate.layout === undefined) === (models.champion.layout === undefined)) return models;
    throw unfit(
      `One of ${champion.version} and ${candidate.version} of ${champion.name} looks at windows, the other at features of entities.`,
    );
  }

  private modelOf({ name, version, digest, sha256, manifest }: ReleasedBundle): BacktestModel {
    const { entityView } = manifest;
    if (manifest.history !== undefined)
      throw unfit(`${name} ${version} is asked with several windows at once; devices do not run it on their own.`);
    if (!isWindowed(manifest) && entityView === undefined)
      throw unfit(`${name} ${version} looks neither at windows nor at features of entities: nothing stored feeds it.`);
    const layout =
      isWindowed(manifest) || entityView === undefined ? undefined : layoutOf(this.features.plan(entityView));
    return { version, digest, sha256, columns: columnsOf(manifest), layout };
  }

  private devices({ devices }: BacktestDefinition): string[] {
    const terms = labelTerms(devices);
    const ids: string[] = [];
    for (const { facts } of this.directory.entries()) {
      if (matchesLabels(facts.labels, terms)) ids.push(facts.deviceId);
    }
    return ids.sort();
  }
}

const labelTerms = (text: string | undefined): readonly LabelTerm[] => {
  const terms = text === undefined ? [] : parseLabelFilter(text);
  if (terms !== undefined) return terms;
  const faults = [{ path: 'devices', message: 'expected key=value or key, several separated by commas' }];
  throw new FleetError('REQUEST_INVALID', 'The labels of the devices cannot be read.', { faults });
};

const unfit = (message: string): FleetError => new FleetError('BACKTEST_UNFIT', message);
