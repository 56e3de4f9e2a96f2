/** Releases the bundles that come with Shoal, so that a fresh fleet has something to roll out. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { readBundle, readCatalog, type Bundle } from '@shoal/models';
import { MAX_ARCHIVE_BYTES, packBundle } from '@shoal/models/trust';
import { SYSTEM } from '../audit/actor.ts';
import { FleetError } from '../errors.ts';
import { ArtifactStore } from '../ports/artifact-store.ts';
import { Releases } from './releases.service.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class Catalogue {
  private readonly artifacts: ArtifactStore;
  private readonly releases: Releases;
  private readonly around: Surroundings;

  constructor(artifacts: ArtifactStore, releases: Releases, around: Surroundings) {
    this.artifacts = artifacts;
    this.releases = releases;
    this.around = around;
  }

  /** One that cannot be released is logged, and the server starts all the same. */
  async release(): Promise<void> {
    if (this.around.config.catalogue === 'leave') return;
    for (const { name, version, folder } of await readCatalog()) {
      if ((await this.releases.find(name, version)) !== undefined) continue;
      try {
        await this.releaseFolder(await readBundle(folder, { signaturePolicy: 'allow-unsigned' }));
      } catch (error) {
        if (!(error instanceof FleetError)) throw error;
        this.around.log.error({ err: error, model: name, version }, 'a bundle of the catalogue is not released');
      }
    }
  }

  private async releaseFolder({ folder, manifest, digest, signedBy }: Bundle): Promise<void> {
    const artifact = await this.artifacts.stage(await packBundle(folder), MAX_ARCHIVE_BYTES);
    try {
      const readme = manifest.files.find(({ role }) => role === 'readme');
      const card = readme === undefined ? null : await readFile(join(folder, readme.path), 'utf8');
      const bundle = { manifest, digest, signedBy, card };
      await this.releases.record({ actor: SYSTEM, bundle, artifact, source: 'catalogue' });
    } finally {
      await artifact.discard();
    }
  }
}
