/** Finds and verifies the bundle that an assignment means: a folder, or a name of the catalogue. */
import { readBundle, readCatalog, type Bundle, type TrustedKeys } from '@shoal/models';
import { AgentError } from '../errors.ts';

/** Which model is to run here. */
export interface ModelAssignment {
  /** A folder when it holds a slash or a dot at its start, else a name in the catalogue. */
  readonly bundle: string;
  /** Of a catalogue model; the last one by default. */
  readonly version?: string | undefined;
  /** Names of the sensors it looks at; the first by default. */
  readonly source?: string | readonly string[] | undefined;
  /** Samples to calibrate on, in place of the bundle's own number. */
  readonly calibrationSamples?: number | undefined;
}

const isFolder = (bundle: string): boolean => bundle.includes('/') || bundle.startsWith('.');

/** Throws MODEL_NOT_IN_CATALOGUE. */
const folderOf = async ({ bundle, version }: ModelAssignment): Promise<string> => {
  if (isFolder(bundle)) return bundle;
  const entries = (await readCatalog()).filter(({ name }) => name === bundle);
  const entry = version === undefined ? entries.at(-1) : entries.find((candidate) => candidate.version === version);
  if (entry !== undefined) return entry.folder;
  throw new AgentError(
    'MODEL_NOT_IN_CATALOGUE',
    `The catalogue has no ${bundle} ${version ?? ''}; give a folder instead.`,
  );
};

/** Bundles of the catalogue came with the agent: only folders must be signed. Throws MODEL_NOT_IN_CATALOGUE and what `readBundle` throws. */
export const readAssignedBundle = async (
  assignment: ModelAssignment,
  trust: { readonly trustedKeys: TrustedKeys; readonly requireSignature: boolean },
): Promise<Bundle> => {
  const signaturePolicy = trust.requireSignature && isFolder(assignment.bundle) ? 'require' : 'allow-unsigned';
  return readBundle(await folderOf(assignment), { signaturePolicy, trustedKeys: trust.trustedKeys });
};
