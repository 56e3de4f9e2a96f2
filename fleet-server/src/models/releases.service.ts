/** The releases there are: recorded with the metadata that vouches for them, read and compared. */
import { Injectable } from '@nestjs/common';
import type { BundleManifest } from '@shoal/models';
import { CHUNK_BYTES, releaseTargetPath, type TargetEntry } from '@shoal/models/trust';
import type { ModelDiff } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { ControlDatabase, type Connection, type ModelReleaseRow } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import type { StagedArtifact } from '../ports/artifact-store.ts';
import type { CheckedBundle } from './bundle-check.service.ts';
import { diffManifests } from './model-diff.ts';
import { ModelsStore } from './models.store.ts';
import { Surroundings } from './surroundings.service.ts';
import { TufRepository } from './tuf-repository.service.ts';

export interface NewRelease {
  readonly actor: Actor;
  readonly bundle: CheckedBundle;
  readonly artifact: StagedArtifact;
  readonly source: 'catalogue' | 'upload';
}

@Injectable()
export class Releases {
  private readonly rows = new ModelsStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly repository: TufRepository;
  private readonly around: Surroundings;

  constructor(database: ControlDatabase, audit: AuditService, repository: TufRepository, around: Surroundings) {
    this.database = database;
    this.audit = audit;
    this.repository = repository;
    this.around = around;
  }

  /**
   * Content first, then row, target, signed metadata and audit in one transaction: what is released can be fetched. The
   * same manifest again is the release that is there. @throws FleetError MODEL_VERSION_TAKEN | MODEL_COUNTER_TAKEN
   */
  async record(release: NewRelease): Promise<ModelReleaseRow> {
    const known = await this.known(this.database, release.bundle);
    if (known !== undefined) return known;
    await release.artifact.keep();
    return this.audit.change(async (transaction, record) => {
      const meanwhile = await this.known(transaction, release.bundle);
      if (meanwhile !== undefined) return meanwhile;
      const row = this.rowOf(release);
      await this.rows.add(transaction, row);
      await this.repository.publish(transaction, { add: [targetOf(row, release)] });
      const { manifest: _, card: __, ...after } = row;
      await record({
        actor: release.actor,
        action: 'model.released',
        subject: `model:${row.name}@${row.version}`,
        before: null,
        after,
      });
      return row;
    });
  }

  /** What was looked into once need not be again. */
  ofArchive(sha256: string): Promise<ModelReleaseRow | undefined> {
    return this.rows.ofArchive(this.database, sha256);
  }

  find(name: string, version: string): Promise<ModelReleaseRow | undefined> {
    return this.rows.find(this.database, name, version);
  }

  /** @throws FleetError MODEL_RELEASE_NOT_FOUND */
  async show(name: string, version: string, db: Connection = this.database): Promise<ModelReleaseRow> {
    const row = await this.rows.find(db, name, version);
    if (row !== undefined) return row;
    throw releaseMissing(name, version);
  }

  /** @throws FleetError MODEL_RELEASE_NOT_FOUND */
  async diff(name: string, from: string, to: string): Promise<ModelDiff> {
    const [before, after] = [await this.show(name, from), await this.show(name, to)];
    return { name, from, to, ...diffManifests(manifestOf(before), manifestOf(after)) };
  }

  private async known(db: Connection, { manifest, digest }: CheckedBundle): Promise<ModelReleaseRow | undefined> {
    const { name, version, releaseCounter } = manifest;
    const row = await this.rows.find(db, name, version);
    if (row?.digest === digest) return row;
    if (row !== undefined)
      throw new FleetError('MODEL_VERSION_TAKEN', `${name}@${version} is released already with other content.`);
    const taken = await this.rows.ofCounter(db, name, releaseCounter);
    if (taken === undefined) return undefined;
    throw new FleetError(
      'MODEL_COUNTER_TAKEN',
      `${name}@${taken.version} has releaseCounter ${releaseCounter} already; raise it.`,
    );
  }

  private rowOf({ actor, bundle, artifact, source }: NewRelease): ModelReleaseRow {
    const { manifest, digest, card, signedBy } = bundle;
    const { name, version, releaseCounter } = manifest;
    return {
      name,
      version,
      release_counter: releaseCounter,
      digest,
      sha256: artifact.sha256,
      length_bytes: artifact.lengthBytes,
      target: releaseTargetPath(name, version, artifact.sha256),
      manifest: JSON.stringify(manifest),
      card,
      signed_by: signedBy,
      source,
      created_at: this.around.clock.now(),
      created_by: actor.principal,
    };
  }
}

export const releaseMissing = (name: string, version: string): FleetError =>
  new FleetError('MODEL_RELEASE_NOT_FOUND', `No ${name}@${version} is released. List them with GET /api/models.`);

export const manifestOf = ({ manifest }: ModelReleaseRow): BundleManifest => JSON.parse(manifest) as BundleManifest;

const targetOf = (row: ModelReleaseRow, { bundle, artifact }: NewRelease): TargetEntry => {
  const { minimumAgent, memoryMb, arch } = bundle.manifest.resources;
  return {
    path: row.target,
    lengthBytes: row.length_bytes,
    sha256: row.sha256,
    custom: {
      name: row.name,
      version: row.version,
      releaseCounter: row.release_counter,
      manifestSha256: row.digest,
      chunkBytes: CHUNK_BYTES,
      chunks: artifact.chunks,
      minimumAgent,
      memoryMb,
      arch,
    },
  };
};
