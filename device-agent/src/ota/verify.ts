/** What must hold before a device acts on an assignment: the word of the director, and the same said by the repository (Uptane 5.4.4). */
import { readDirectorKeys, readReleaseCustom, verifyAssignment } from '@shoal/models/trust';
import type { AssignedModel, Assignment } from '@shoal/protocol/wire';
import { AgentError } from '../errors.ts';
import type { TargetFacts } from './look.ts';
import type { MetadataView } from './metadata-store.ts';
import type { Update } from './update-record.ts';

export interface AssignmentTerms {
  readonly deviceId: string;
  readonly lastCounter: number;
  /** Undefined while nobody knows the time: then expiry is not judged, counters are. */
  readonly nowAt: number | undefined;
}

/** Throws ModelError ASSIGNMENT_*, DIRECTOR_KEYS_INVALID. */
export const checkDirector = (envelope: unknown, view: MetadataView, terms: AssignmentTerms): Assignment => {
  const { deviceId, lastCounter, nowAt } = terms;
  const keys = readDirectorKeys(view.directorKeys);
  return verifyAssignment(envelope, keys, { deviceId, lastCounter, ...(nowAt !== undefined && { now: nowAt }) });
};

export interface DeviceFacts {
  readonly arch: string;
  readonly agentVersion: string;
}

const parts = (version: string): number[] => version.split('.').map((part) => Number.parseInt(part, 10));

const isOlder = (version: string, wanted: string): boolean => {
  const [mine, theirs] = [parts(version), parts(wanted)];
  const index = [0, 1, 2].find((at) => (mine[at] ?? 0) !== (theirs[at] ?? 0));
  return index !== undefined && (mine[index] ?? 0) < (theirs[index] ?? 0);
};

/** Director and repository must name the same bytes of the same release. Throws UPDATE_NOT_IN_REPOSITORY, UPDATE_CONTRADICTED, UPDATE_INCOMPATIBLE. */
export const checkTarget = (
  assigned: AssignedModel,
  target: TargetFacts | null,
  device: DeviceFacts,
): Update['signed'] => {
  const { name, version, sha256, lengthBytes, releaseCounter } = assigned;
  if (target === null) throw new AgentError('UPDATE_NOT_IN_REPOSITORY', `The repository signs no ${assigned.target}.`);
  const custom = readReleaseCustom(target.custom);
  const said = { sha256: target.sha256, lengthBytes: target.lengthBytes, ...custom };
  const differs = Object.entries({ name, version, sha256, lengthBytes, releaseCounter }).find(
    ([key, value]) => said[key as keyof typeof said] !== value,
  );
  if (differs !== undefined)
    throw new AgentError(
      'UPDATE_CONTRADICTED',
      `Director and repository differ about ${differs[0]} of ${name} ${version}.`,
    );
  if (Math.ceil(lengthBytes / custom.chunkBytes) !== custom.chunks.length)
    throw new AgentError(
      'UPDATE_CONTRADICTED',
      `${custom.chunks.length} chunk hashes are not those of ${lengthBytes} bytes.`,
    );
  if (custom.arch.length > 0 && !custom.arch.includes(device.arch))
    throw new AgentError(
      'UPDATE_INCOMPATIBLE',
      `${name} ${version} is for ${custom.arch.join(', ')}, this is ${device.arch}.`,
    );
  if (isOlder(device.agentVersion, custom.minimumAgent))
    throw new AgentError('UPDATE_INCOMPATIBLE', `${name} ${version} needs agent ${custom.minimumAgent} or later.`);
  return { digest: custom.manifestSha256, chunks: custom.chunks };
};
