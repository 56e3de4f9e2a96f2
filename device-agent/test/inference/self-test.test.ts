import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { catalogFolder, readBundle, type Bundle } from '@shoal/models';
import { leaking, spoiltPump } from '../../../models/test/pump-variants.ts';
import { BundleShelf } from '../../../models/test/test-bundles.ts';
import { selfTest } from '../../src/inference/self-test.ts';

const shelf = new BundleShelf();
afterAll(() => shelf.dispose());

/** The shipped pump model with other weights. */
const pumpWith = async (model: Uint8Array): Promise<Bundle> => {
  const shipped = join(catalogFolder(), 'pump-anomaly', '1.1.0');
  const { manifest } = await readBundle(shipped, { signaturePolicy: 'allow-unsigned' });
  const { files, featureViewHash: _hash, ...described } = manifest;
  const bytesOf = async (path: string): Promise<Uint8Array> =>
    path === 'model.onnx' ? model : readFile(join(shipped, path));
  const { folder } = await shelf.write({
    manifest: described,
    files: await Promise.all(files.map(async ({ path, role }) => ({ path, role, bytes: await bytesOf(path) }))),
  });
  return readBundle(folder, { signaturePolicy: 'allow-unsigned' });
};

const tried = (bundle: Bundle): Promise<unknown> =>
  selfTest(bundle, { engines: ['native-child'], deadlineMs: 10_000, durationMs: 200 }, new AbortController().signal);

describe('the self-test of a model whose golden answers are right', () => {
  it('finds that it leaks, whether its engine lives through the load or not', async () => {
    await expect(tried(await pumpWith(spoiltPump(leaking(98_304))))).rejects.toMatchObject({ code: 'UPDATE_LEAKS' });
    const greedy = await tried(await pumpWith(spoiltPump(leaking(4_194_304)))).catch((error: unknown) => error);
    expect(greedy).toMatchObject({ code: 'UPDATE_LEAKS' });
    expect(String(greedy)).toContain('at most');
  }, 120_000);
});
