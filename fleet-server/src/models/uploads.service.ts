/** Takes packed bundles in: streamed to disk and hashed on the way, looked into by a process of its own, then released. */
import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { MAX_ARCHIVE_BYTES } from '@shoal/models/trust';
import type { Actor } from '../audit/actor.ts';
import type { ModelReleaseRow } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import { ArtifactStore } from '../ports/artifact-store.ts';
import { BundleCheck } from './bundle-check.service.ts';
import { Releases } from './releases.service.ts';
import { Surroundings } from './surroundings.service.ts';

/** On their way at once: each holds as much disk as it is long. */
const MAX_UPLOADS = 4;

@Injectable()
export class Uploads {
  private readonly artifacts: ArtifactStore;
  private readonly check: BundleCheck;
  private readonly releases: Releases;
  private readonly around: Surroundings;
  private open = 0;

  constructor(artifacts: ArtifactStore, check: BundleCheck, releases: Releases, around: Surroundings) {
    this.artifacts = artifacts;
    this.check = check;
    this.releases = releases;
    this.around = around;
  }

  /**
   * @throws FleetError MODEL_UPLOADS_TOO_MANY | REQUEST_TOO_LARGE | MODEL_UPLOAD_INTERRUPTED | MODEL_BUNDLE_REFUSED |
   * MODEL_VERSION_TAKEN | MODEL_COUNTER_TAKEN | ARTIFACT_STORE_UNAVAILABLE
   */
  async take(actor: Actor, content: Readable): Promise<ModelReleaseRow> {
    if (this.open >= MAX_UPLOADS)
      throw new FleetError(
        'MODEL_UPLOADS_TOO_MANY',
        `${MAX_UPLOADS} bundles are on their way; push again in a moment.`,
      );
    this.open += 1;
    try {
      return await this.release(actor, content);
    } catch (error) {
      const code = error instanceof FleetError ? error.code : 'INTERNAL';
      this.around.metrics.count('model_uploads_refused_total', 1, { code });
      throw error;
    } finally {
      this.open -= 1;
    }
  }

  private async release(actor: Actor, content: Readable): Promise<ModelReleaseRow> {
    const artifact = await this.artifacts.stage(arriving(content), MAX_ARCHIVE_BYTES);
    try {
      const known = await this.releases.ofArchive(artifact.sha256);
      if (known !== undefined) return known;
      const bundle = await this.check.check(artifact.path);
      return await this.releases.record({ actor, bundle, artifact, source: 'upload' });
    } finally {
      await artifact.discard();
    }
  }
}

// A connection that breaks is the fault of no disk and no bundle.
async function* arriving(content: Readable): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of content) yield bytes as Buffer;
  } catch (cause) {
    throw new FleetError('MODEL_UPLOAD_INTERRUPTED', 'The connection broke before the bundle had arrived.', { cause });
  }
}
