/** Which versions of a model are served: pure. */
import { z } from 'zod';

/** Of those that are there: the newest `count`, all, or the named ones; the meanings of Triton's `version_policy`. */
export const versionPolicySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('latest'), count: z.int().min(1) }),
  z.strictObject({ kind: z.literal('all') }),
  z.strictObject({ kind: z.literal('specific'), versions: z.array(z.string().min(1)).min(1) }),
]);
export type VersionPolicy = z.infer<typeof versionPolicySchema>;

export const LATEST_ONLY: VersionPolicy = { kind: 'latest', count: 1 };

export interface AvailableVersion {
  readonly version: string;
  /** Grows with every release; decides what is newer. */
  readonly releaseCounter: number;
}

/** Newest first. A named version that is not there is simply not served. */
export const servedVersions = <T extends AvailableVersion>(
  policy: VersionPolicy,
  available: readonly T[],
): readonly T[] => {
  const newestFirst = available.toSorted((one, other) => other.releaseCounter - one.releaseCounter);
  switch (policy.kind) {
    case 'latest':
      return newestFirst.slice(0, policy.count);
    case 'all':
      return newestFirst;
    case 'specific':
      return newestFirst.filter(({ version }) => policy.versions.includes(version));
  }
};
