/** The registry as the rollouts see it: releases by name and version, and the signature of the director. */
import { Injectable } from '@nestjs/common';
import { signAssignment } from '@shoal/models/trust';
import type { Assignment, SignedAssignment } from '@shoal/protocol';
import { ModelRegistry, type ModelRelease } from '../ports/model-registry.ts';
import type { KeyRing } from './key-folder.ts';
import { manifestOf, Releases } from './releases.service.ts';

@Injectable()
export class PublishedModels extends ModelRegistry {
  private readonly releases: Releases;
  private ring: KeyRing | undefined;

  constructor(releases: Releases) {
    super();
    this.releases = releases;
  }

  start(ring: KeyRing): void {
    this.ring = ring;
  }

  async release(name: string, version: string): Promise<ModelRelease | undefined> {
    const row = await this.releases.find(name, version);
    if (row === undefined) return undefined;
    const { target, sha256, digest } = row;
    return {
      name,
      version,
      target,
      sha256,
      lengthBytes: row.length_bytes,
      releaseCounter: row.release_counter,
      digest,
      manifest: manifestOf(row),
    };
  }

  /** The counter of each device is the caller's to raise. */
  async signAssignment(assignment: Assignment): Promise<SignedAssignment> {
    if (this.ring === undefined) throw new Error('the registry was not started');
    return signAssignment(assignment, this.ring.signers.director);
  }
}
