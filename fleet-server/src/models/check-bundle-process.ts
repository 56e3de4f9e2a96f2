/** Entry of the process that looks into a bundle nobody has vouched for: archive and scratch folder as arguments, the verdict as one message. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkBundle, isModelError, manifestDigest, unpackBundle, type BundleFault } from '@shoal/models/trust';

/** Everything is JSON; `manifest` as it stands in the bundle. */
export type BundleVerdict =
  | { readonly faults: readonly BundleFault[] }
  | {
      readonly faults: readonly [];
      readonly manifest: unknown;
      readonly digest: string;
      readonly signedBy: string | null;
      readonly card: string | null;
    };

const MAX_CARD_CHARACTERS = 65_536;

const verdictOf = async (archive: string, folder: string): Promise<BundleVerdict> => {
  try {
    await unpackBundle(archive, folder);
    const { faults, manifest, signedBy } = await checkBundle(folder);
    if (manifest === null || faults.length > 0) return { faults };
    const readme = manifest.files.find(({ role }) => role === 'readme');
    const card = readme === undefined ? null : await readFile(join(folder, readme.path), 'utf8');
    return {
      faults: [],
      manifest,
      digest: manifestDigest(manifest),
      signedBy,
      card: card?.slice(0, MAX_CARD_CHARACTERS) ?? null,
    };
  } catch (error) {
    if (!isModelError(error)) throw error;
    return { faults: [{ code: error.code, path: 'archive', message: error.message }] };
  }
};

const [, , archive = '', folder = ''] = process.argv;
const verdict = await verdictOf(archive, folder);
process.send?.(verdict, () => process.exit(0));
