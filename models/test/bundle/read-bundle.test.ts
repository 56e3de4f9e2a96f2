import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  isBundlePath,
  isWindowed,
  manifestDigest,
  parseManifest,
  readBundle,
  signManifest,
  verifyManifestSignature,
  windowedManifest,
  writeBundle,
  type BundleContent,
} from '@shoal/models';
import { codeOf, thrownCode } from '../conditions.ts';
import { DOUBLING } from '../hostile-models.ts';
import { BundleShelf, contentOf, keyPair, manifestOf } from '../test-bundles.ts';

const shelf = new BundleShelf();
afterAll(() => shelf.dispose());
const plain = () => contentOf({ model: DOUBLING });
const unsigned = { signaturePolicy: 'allow-unsigned' } as const;
const edit = async (path: string, change: (text: string) => string) =>
  writeFile(path, change(await readFile(path, 'utf8')));

describe('a bundle folder', () => {
  test('reads back what was written', async () => {
    const { folder, manifest } = await shelf.write(plain());
    const bundle = await readBundle(folder, unsigned);
    expect(bundle.manifest).toEqual(manifest);
    expect(bundle).toMatchObject({
      digest: manifestDigest(manifest),
      modelPath: join(folder, 'model.onnx'),
      signedBy: null,
      reference: null,
    });
    expect(bundle.golden.cases).toHaveLength(2);
  });

  test('is replaced as a whole by the next write', async () => {
    const { folder } = await shelf.write(plain());
    await writeFile(join(folder, 'left-over'), 'x');
    await writeBundle(folder, plain());
    expect(existsSync(join(folder, 'left-over'))).toBe(false);
  });

  test('is missed by name', async () => {
    expect(await codeOf(readBundle(join(await shelf.folder(), 'nothing'), unsigned))).toBe('BUNDLE_MISSING');
  });

  test('is refused when the manifest is not JSON, or not a manifest', async () => {
    const { folder } = await shelf.write(plain());
    await edit(join(folder, 'manifest.json'), (text) => text.replace('"hostile"', '"Hostile"'));
    expect(await codeOf(readBundle(folder, unsigned))).toBe('BUNDLE_MANIFEST_INVALID');
    await writeFile(join(folder, 'manifest.json'), '{');
    expect(await codeOf(readBundle(folder, unsigned))).toBe('BUNDLE_MANIFEST_INVALID');
  });

  test('is refused when a byte of a file changed, or its length', async () => {
    const { folder } = await shelf.write(plain());
    await edit(join(folder, 'golden.json'), (text) => text.replace('case 0', 'case 9'));
    expect(await codeOf(readBundle(folder, unsigned))).toBe('BUNDLE_DIGEST_MISMATCH');
    await edit(join(folder, 'golden.json'), (text) => `${text.replace('case 9', 'case 0')} `);
    expect(await codeOf(readBundle(folder, unsigned))).toBe('BUNDLE_DIGEST_MISMATCH');
  });

  test('is refused when a file is gone, a folder or a link', async () => {
    const { folder } = await shelf.write(plain());
    const golden = join(folder, 'golden.json');
    await rm(golden);
    expect(await codeOf(readBundle(folder, unsigned))).toBe('BUNDLE_FILE_MISSING');
    await symlink(join(folder, 'model.onnx'), golden);
    expect(await codeOf(readBundle(folder, unsigned))).toBe('BUNDLE_FILE_MISSING');
    await rm(golden);
    await mkdir(golden);
    expect(await codeOf(readBundle(folder, unsigned))).toBe('BUNDLE_FILE_MISSING');
  });

  test('is refused when its golden vectors are no golden vectors', async () => {
    const content = plain();
    const files = content.files.map((file) =>
      file.role === 'golden' ? { ...file, bytes: Buffer.from('{"cases":[]}') } : file,
    );
    const { folder } = await shelf.write({ ...content, files });
    expect(await codeOf(readBundle(folder, unsigned))).toBe('BUNDLE_CONTENT_INVALID');
  });
});

describe('a signature', () => {
  const { privateKey, publicKey } = keyPair();
  const signed = (): BundleContent => ({ ...plain(), signer: { keyId: 'key-1', privateKey } });
  const trustedKeys = new Map([['key-1', publicKey]]);

  test('by a trusted key is accepted and named', async () => {
    const { folder } = await shelf.write(signed());
    const bundle = await readBundle(folder, { signaturePolicy: 'require', trustedKeys });
    expect(bundle.signedBy).toBe('key-1');
  });

  test('may be required', async () => {
    const { folder } = await shelf.write(plain());
    expect(await codeOf(readBundle(folder, { signaturePolicy: 'require', trustedKeys }))).toBe('BUNDLE_UNSIGNED');
  });

  test('that is there must verify even where none is required', async () => {
    const { folder } = await shelf.write(signed());
    expect(await codeOf(readBundle(folder, unsigned))).toBe('BUNDLE_SIGNATURE_INVALID');
    const stranger = new Map([['key-1', keyPair().publicKey]]);
    expect(await codeOf(readBundle(folder, { ...unsigned, trustedKeys: stranger }))).toBe('BUNDLE_SIGNATURE_INVALID');
    await writeFile(join(folder, 'signature.json'), '{}');
    expect(await codeOf(readBundle(folder, { ...unsigned, trustedKeys }))).toBe('BUNDLE_SIGNATURE_INVALID');
    await writeFile(join(folder, 'signature.json'), 'no');
    expect(await codeOf(readBundle(folder, { ...unsigned, trustedKeys }))).toBe('BUNDLE_SIGNATURE_INVALID');
  });

  test('covers every field of the manifest', async () => {
    const { manifest } = await shelf.write(signed());
    const signature = signManifest(manifest, 'key-1', privateKey);
    expect(verifyManifestSignature(manifest, signature, trustedKeys)).toBe('key-1');
    const changed = { ...manifest, releaseCounter: manifest.releaseCounter + 1 };
    expect(thrownCode(() => verifyManifestSignature(changed, signature, trustedKeys))).toBe('BUNDLE_SIGNATURE_INVALID');
  });
});

describe('a manifest', () => {
  const file = (path: string, role = 'model') => ({ path, role, sha256: 'a'.repeat(64), lengthBytes: 1 });
  const whole = async () => (await shelf.write(plain())).manifest;

  test.each([
    '../model.onnx',
    '/model.onnx',
    'a/../../b',
    'a\0b',
    'a\\b',
    './a',
    '',
    'a//b',
    '.hidden',
    'manifest.json',
    'signature.json',
  ])('refuses the path %j', async (path) => {
    const manifest = { ...(await whole()), files: [file(path), file('golden.json', 'golden')] };
    expect(thrownCode(() => parseManifest(manifest))).toBe('BUNDLE_MANIFEST_INVALID');
  });

  test('only ever names paths below its folder', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '.', '/', '\\', '\0', '-', 'B') }), (path) => {
        fc.pre(isBundlePath(path));
        expect(join('/bundle', path).startsWith('/bundle/')).toBe(true);
        expect(join('/bundle', path)).toBe(`/bundle/${path}`);
      }),
    );
  });

  test.each([
    ['a view hash that is not that of its view', { featureViewHash: 'b'.repeat(64) }],
    ['a score that is no output', { postProcessing: { ...manifestOf().postProcessing, scoreOutput: 'nothing' } }],
    ['a decision without a threshold', { postProcessing: { ...manifestOf().postProcessing, decisionThreshold: 'no' } }],
    ['two models', { files: [file('a'), file('b'), file('golden.json', 'golden')] }],
    ['no golden vectors', { files: [file('a')] }],
    ['a view channel outside of the window', { window: { ...manifestOf().window, channels: ['y'] } }],
    ['a window too long for its view', { window: { ...manifestOf().window, lengthMs: 86_400_000 } }],
    ['a window without a view', { featureView: undefined, featureViewHash: undefined }],
    [
      'a quiet label that is no label',
      {
        postProcessing: {
          kind: 'classes',
          probabilitiesOutput: 'score',
          labels: ['fine', 'worn'],
          quietLabels: ['new'],
          decisionThreshold: 'sure',
          thresholds: { sure: { default: 0.5 } },
        },
      },
    ],
    ['an unknown field', { surprise: 1 }],
    ['a version that is none', { version: '1.0' }],
  ])('refuses %s', async (_what, patch) => {
    const manifest = { ...(await whole()), ...patch };
    expect(thrownCode(() => parseManifest(manifest))).toBe('BUNDLE_MANIFEST_INVALID');
  });

  test('may have no view and no window, and is then asked with tensors', async () => {
    const parts = { featureView: undefined, featureViewHash: undefined, window: undefined };
    const manifest = parseManifest({ ...(await whole()), ...parts, postProcessing: { kind: 'none' } });
    expect(isWindowed(manifest)).toBe(false);
    expect(thrownCode(() => windowedManifest(manifest))).toBe('MODEL_NOT_WINDOWED');
  });
});
