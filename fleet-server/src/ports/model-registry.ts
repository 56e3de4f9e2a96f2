/** What rollouts need of the registry of models: releases by name and version, and the signature of the director. */
import type { Assignment, SignedAssignment } from '@shoal/protocol';

export interface ModelRelease {
  readonly name: string;
  readonly version: string;
  /** Path in the targets of the repository. */
  readonly target: string;
  /** Of the packed bundle. */
  readonly sha256: string;
  readonly lengthBytes: number;
  readonly releaseCounter: number;
  /** sha256 of the bundle's manifest: what a device reports to run. */
  readonly digest: string;
  readonly manifest: { readonly resources: { readonly arch: readonly string[]; readonly minimumAgent: string } };
}

export abstract class ModelRegistry {
  abstract release(name: string, version: string): Promise<ModelRelease | undefined>;
  abstract signAssignment(assignment: Assignment): Promise<SignedAssignment>;
}
