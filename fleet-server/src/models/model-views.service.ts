/** What the registry shows: models, releases and who runs them. */
import { Injectable } from '@nestjs/common';
import type { Model, ModelAliasName, ModelDeployment, ModelRelease, ModelReleaseDocument, Page } from '@shoal/protocol';
import { ControlDatabase, type ModelAliasRow, type ModelReleaseRow } from '../db/database.ts';
import { DeviceDirectory } from '../devices/device-directory.service.ts';
import { FleetError } from '../errors.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import { countRunning, deploymentOf, measuredOf } from './deployments.ts';
import { ModelsStore } from './models.store.ts';

const FIRST = Number.MAX_SAFE_INTEGER;

@Injectable()
export class ModelViews {
  private readonly rows = new ModelsStore();
  private readonly database: ControlDatabase;
  private readonly directory: DeviceDirectory;

  constructor(database: ControlDatabase, directory: DeviceDirectory) {
    this.database = database;
    this.directory = directory;
  }

  async list(limit: number, cursor: string | undefined): Promise<Page<Model>> {
    const after = cursor === undefined ? '' : String(decodeCursor(cursor, ['string'])[0]);
    const names = await this.rows.names(this.database, after, limit + 1);
    const shown = names.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: await this.models(shown),
      nextCursor: names.length > limit && last !== undefined ? encodeCursor([last]) : null,
    };
  }

  /** @throws FleetError MODEL_RELEASE_NOT_FOUND */
  async model(name: string): Promise<Model> {
    const [model] = await this.models([name]);
    if (model !== undefined) return model;
    throw new FleetError('MODEL_RELEASE_NOT_FOUND', `No model "${name}". List them with GET /api/models.`);
  }

  /** @throws FleetError MODEL_RELEASE_NOT_FOUND */
  async releases(name: string, limit: number, cursor: string | undefined): Promise<Page<ModelRelease>> {
    await this.model(name);
    const below = cursor === undefined ? FIRST : Number(decodeCursor(cursor, ['number'])[0]);
    const rows = await this.rows.page(this.database, name, below, limit + 1);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: await this.shownReleases(shown),
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.release_counter]) : null,
    };
  }

  async release(row: ModelReleaseRow): Promise<ModelRelease> {
    const [release] = await this.shownReleases([row]);
    return release as ModelRelease;
  }

  async document(row: ModelReleaseRow): Promise<ModelReleaseDocument> {
    return {
      ...(await this.release(row)),
      manifest: JSON.parse(row.manifest) as ModelReleaseDocument['manifest'],
      card: row.card,
      measured: [...measuredOf(this.directory.entries(), row.name, row.sha256)],
    };
  }

  /** @throws FleetError MODEL_RELEASE_NOT_FOUND */
  async deployments(name: string, limit: number, cursor: string | undefined): Promise<Page<ModelDeployment>> {
    await this.model(name);
    const releases = await this.rows.versions(this.database, [name]);
    const after = cursor === undefined ? '' : String(decodeCursor(cursor, ['string'])[0]);
    const running = [...this.directory.entries()]
      .flatMap((device) => deploymentOf(device, name, releases) ?? [])
      .filter(({ deviceId }) => deviceId > after)
      .toSorted((one, other) => (one.deviceId < other.deviceId ? -1 : 1));
    const shown = running.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: shown,
      nextCursor: running.length > limit && last !== undefined ? encodeCursor([last.deviceId]) : null,
    };
  }

  private async models(names: readonly string[]): Promise<Model[]> {
    const rows = await this.rows.versions(this.database, names);
    const aliases = await this.rows.aliases(this.database, names);
    return names.flatMap((name) => {
      const own = rows.filter((row) => row.name === name);
      const [newest] = own;
      if (newest === undefined) return [];
      const counts = countRunning(this.directory.entries(), name);
      return {
        name,
        newest: newest.version,
        versions: own.length,
        aliases: aliasesOf(aliases, name).map(({ alias, version }) => ({ alias: alias as ModelAliasName, version })),
        devices: [...counts.values()].reduce((sum, count) => sum + count, 0),
        updatedAt: Math.max(...own.map(({ created_at: at }) => at)),
      };
    });
  }

  private async shownReleases(rows: readonly ModelReleaseRow[]): Promise<ModelRelease[]> {
    const names = [...new Set(rows.map(({ name }) => name))];
    const aliases = await this.rows.aliases(this.database, names);
    const counts = new Map(names.map((name) => [name, countRunning(this.directory.entries(), name)]));
    return rows.map((row) => ({
      name: row.name,
      version: row.version,
      releaseCounter: row.release_counter,
      digest: row.digest,
      sha256: row.sha256,
      lengthBytes: row.length_bytes,
      target: row.target,
      platform: (JSON.parse(row.manifest) as { platform: string }).platform,
      signedBy: row.signed_by,
      source: row.source === 'catalogue' ? 'catalogue' : 'upload',
      createdAt: row.created_at,
      createdBy: row.created_by,
      aliases: aliasesOf(aliases, row.name)
        .filter(({ version }) => version === row.version)
        .map(({ alias }) => alias as ModelAliasName),
      devices: counts.get(row.name)?.get(row.digest) ?? 0,
    }));
  }
}

const aliasesOf = (aliases: readonly ModelAliasRow[], name: string): ModelAliasRow[] =>
  aliases.filter((alias) => alias.name === name);
