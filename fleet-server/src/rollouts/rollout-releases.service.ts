/** Releases that rollouts are about, looked up in the registry and held to what the rollout was made for. */
import { Injectable } from '@nestjs/common';
import { FleetError } from '../errors.ts';
import { ModelRegistry, type ModelRelease } from '../ports/model-registry.ts';
import type { RolloutRecord, RolloutRelease } from './rollout.ts';

@Injectable()
export class RolloutReleases {
  private readonly registry: ModelRegistry;
  private readonly seen = new Map<string, ModelRelease>();
  constructor(registry: ModelRegistry) {
    this.registry = registry;
  }

  /** @throws FleetError MODEL_RELEASE_NOT_FOUND */
  async find(model: string, version: string): Promise<ModelRelease> {
    const release = await this.registry.release(model, version);
    if (release !== undefined) return release;
    throw new FleetError('MODEL_RELEASE_NOT_FOUND', `The registry has no ${model} ${version}. Push it first.`);
  }

  /** @throws FleetError MODEL_RELEASE_NOT_FOUND */
  async of({ rolloutId, definition, release: { digest } }: RolloutRecord): Promise<ModelRelease> {
    const seen = this.seen.get(rolloutId);
    if (seen !== undefined) return seen;
    const release = await this.find(definition.model, definition.version);
    if (release.digest !== digest) {
      const message = `${definition.model} ${definition.version} is not the release any more that rollout ${rolloutId} was made for.`;
      throw new FleetError('MODEL_RELEASE_NOT_FOUND', message);
    }
    this.seen.set(rolloutId, release);
    return release;
  }
}

export const pinned = (release: ModelRelease): RolloutRelease => {
  const { version, target, sha256, lengthBytes, releaseCounter, digest } = release;
  return { version, target, sha256, lengthBytes, releaseCounter, digest };
};
