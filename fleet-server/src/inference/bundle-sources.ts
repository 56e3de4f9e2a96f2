/** Where bundles lie: the shipped catalogue, and single folders of the configuration. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError, readBundle, readCatalog, type Bundle } from '@shoal/models';
import { z } from 'zod';

interface BundleSource {
  readonly name: string;
  readonly folder: string;
}

export interface BundlePlaces {
  readonly catalogue: 'load' | 'leave';
  readonly bundleFolders: readonly string[];
}

const namedSchema = z.object({ name: z.string().min(1) });

const sourceOf = async (folder: string): Promise<BundleSource> => {
  const path = join(folder, 'manifest.json');
  try {
    return { name: namedSchema.parse(JSON.parse(await readFile(path, 'utf8'))).name, folder };
  } catch (cause) {
    throw new ModelError('BUNDLE_MISSING', `inference.bundleFolders names ${folder}: ${path} cannot be read`, {
      cause,
    });
  }
};

/** Nothing is verified yet. Rejects with BUNDLE_MISSING for a folder of the configuration that is none. */
export const bundleSources = async ({ catalogue, bundleFolders }: BundlePlaces): Promise<readonly BundleSource[]> => [
  ...(catalogue === 'load' ? await readCatalog() : []),
  ...(await Promise.all(bundleFolders.map(sourceOf))),
];

/** Every version of a model, verified, newest first. Rejects as `readBundle`. */
export const bundlesOf = async (places: BundlePlaces, model: string): Promise<readonly Bundle[]> => {
  const folders = (await bundleSources(places)).filter(({ name }) => name === model);
  const bundles = await Promise.all(
    folders.map(({ folder }) => readBundle(folder, { signaturePolicy: 'allow-unsigned' })),
  );
  return bundles.toSorted((one, other) => other.manifest.releaseCounter - one.manifest.releaseCounter);
};
