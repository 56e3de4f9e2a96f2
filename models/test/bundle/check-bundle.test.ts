import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { readCatalog } from '@shoal/models';
import { checkBundle } from '@shoal/models/trust';
import { DOUBLING } from '../hostile-models.ts';
import { BundleShelf, contentOf } from '../test-bundles.ts';

const shelf = new BundleShelf();
afterAll(() => shelf.dispose());
const codesOf = async (folder: string): Promise<string[]> =>
  (await checkBundle(folder)).faults.map(({ code, path }) => `${code} ${path}`);

describe('the check of a bundle', () => {
  test('finds no fault in what comes with Shoal', async () => {
    for (const { folder } of await readCatalog()) expect(await codesOf(folder)).toEqual([]);
  });

  test('names every fault at once, each with its place', async () => {
    const { folder } = await shelf.write(
      contentOf({ model: Buffer.from('no model'), golden: [[1, 2]], weights: {}, modelName: 'm.onnx' }),
    );
    const golden = join(folder, 'golden.json');
    expect(await codesOf(folder)).toEqual(['MODEL_MALFORMED m.onnx']);
    await appendFile(golden, ' ');
    await writeFile(join(folder, 'signature.json'), '{}');
    expect(await codesOf(folder)).toEqual([
      'MODEL_MALFORMED m.onnx',
      'BUNDLE_DIGEST_MISMATCH golden.json',
      'BUNDLE_SIGNATURE_INVALID signature.json#keyId',
      'BUNDLE_SIGNATURE_INVALID signature.json#algorithm',
      'BUNDLE_SIGNATURE_INVALID signature.json#signature',
    ]);
    const manifest = join(folder, 'manifest.json');
    const text = await readFile(manifest, 'utf8');
    await writeFile(manifest, text.replace('"1.0.0"', '"one"').replace('"hostile"', '"Hostile"'));
    expect(await codesOf(folder)).toEqual([
      'BUNDLE_MANIFEST_INVALID manifest.json#name',
      'BUNDLE_MANIFEST_INVALID manifest.json#version',
    ]);
    await writeFile(manifest, '{');
    expect(await codesOf(folder)).toEqual(['BUNDLE_MANIFEST_INVALID manifest.json']);
  });

  test('holds golden vectors against the signature', async () => {
    const content = contentOf({ model: DOUBLING });
    const text = Buffer.from(content.files.find(({ role }) => role === 'golden')?.bytes ?? []).toString('utf8');
    const files = content.files.map((file) =>
      file.role === 'golden' ? { ...file, bytes: Buffer.from(text.replaceAll('"x"', '"y"')) } : file,
    );
    const { folder } = await shelf.write({ ...content, files });
    expect(await codesOf(folder)).toEqual(['INPUT_UNKNOWN golden.json#case 0', 'INPUT_UNKNOWN golden.json#case 1']);
  });
});
