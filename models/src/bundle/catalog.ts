/** The bundles that ship with this package. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readBundle, type Bundle, type ReadBundleOptions } from './read-bundle.ts';

export interface CatalogEntry {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
}

const ALLOW_UNSIGNED: ReadBundleOptions = { signaturePolicy: 'allow-unsigned' };

/** Absolute path of `catalog/`, from the sources as from `dist/`. */
export const catalogFolder = (): string => fileURLToPath(new URL('../../catalog/', import.meta.url));

const subfolders = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
};

/** Every `<name>/<version>/` of a catalogue folder, by name, then by version as text. Nothing is verified yet. */
export const readCatalog = async (folder: string = catalogFolder()): Promise<CatalogEntry[]> => {
  const entries: CatalogEntry[] = [];
  for (const name of await subfolders(folder))
    for (const version of await subfolders(join(folder, name)))
      entries.push({ name, version, folder: join(folder, name, version) });
  return entries;
};

/** Reads and verifies a shipped bundle. Throws as `readBundle`. */
export const readCatalogBundle = async (
  name: string,
  version: string,
  options: ReadBundleOptions = ALLOW_UNSIGNED,
): Promise<Bundle> => readBundle(join(catalogFolder(), name, version), options);
