import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, describe, expect, test } from '@jest/globals';
import { catalogFolder, manifestDigest, packBundle, readBundle, unpackBundle } from '@shoal/models';
import fc from 'fast-check';
import { codeOf } from '../conditions.ts';
import { DOUBLING } from '../hostile-models.ts';
import { headerOf } from '../../src/bundle/ustar.ts';
import { BundleShelf, contentOf } from '../test-bundles.ts';

const shelf = new BundleShelf();
afterAll(() => shelf.dispose());
const packed = async (folder: string): Promise<Buffer> => buffer(await packBundle(folder));
const condition = join(catalogFolder(), 'pump-condition', '1.0.0');

describe('a packed bundle', () => {
  test('is the same bytes for the same files, model first, and is read by any tar', async () => {
    const { folder } = await shelf.write(contentOf({ model: DOUBLING }));
    const first = await packed(folder);
    await utimes(join(folder, 'model.onnx'), 1, 1);
    await writeFile(join(folder, 'not-listed'), 'x');
    expect((await packed(folder)).equals(first)).toBe(true);
    expect(first.subarray(512, 512 + DOUBLING.byteLength).equals(DOUBLING)).toBe(true);
    const archive = join(await shelf.folder(), 'packed.tar');
    await writeFile(archive, await packed(condition));
    const names = execFileSync('tar', ['tf', archive], { encoding: 'utf8' }).trim().split('\n');
    expect(names).toEqual(['model.json', 'weights.bin', 'golden.json', 'reference.json', 'README.md', 'manifest.json']);
  });

  test('unpacks into a folder that is replaced as a whole and reads as the bundle it was', async () => {
    const folder = await shelf.folder();
    const archive = join(folder, 'packed.tar');
    const target = join(folder, 'unpacked');
    await writeFile(archive, await packed(condition));
    await unpackBundle(archive, target);
    await writeFile(join(target, 'left-over'), 'x');
    expect((await unpackBundle(archive, target))[0]).toBe('model.json');
    expect(existsSync(join(target, 'left-over'))).toBe(false);
    const policy = { signaturePolicy: 'allow-unsigned' } as const;
    const [from, to] = [await readBundle(condition, policy), await readBundle(target, policy)];
    expect(to.digest).toBe(manifestDigest(from.manifest));
    expect((await packed(target)).equals(await readFile(archive))).toBe(true);
  });

  test('with a link, a path outside, a path twice or no end is refused, and nothing is left', async () => {
    const folder = await shelf.folder();
    const refuse = async (...parts: Uint8Array[]): Promise<unknown> => {
      const [file, target] = [join(folder, 'hostile.tar'), join(folder, 'hostile')];
      await writeFile(file, Buffer.concat(parts));
      const code = await codeOf(unpackBundle(file, target));
      expect([existsSync(target), existsSync(`${target}.partial`)]).toEqual([false, false]);
      return code;
    };
    const end = new Uint8Array(1_024);
    const empty = headerOf({ path: 'a', sizeBytes: 0 });
    for (const path of ['../a', '/a', 'b/../../a', '.hidden', 'a\\b'])
      expect(await refuse(headerOf({ path, sizeBytes: 0 }), end)).toBe('BUNDLE_ARCHIVE_UNSAFE');
    expect(await refuse(empty, empty, end)).toBe('BUNDLE_ARCHIVE_UNSAFE');
    const link = Buffer.from(empty);
    link.write('2', 156);
    link.write(`${(Number.parseInt(link.toString('latin1', 148, 154), 8) + 2).toString(8).padStart(6, '0')}\0 `, 148);
    expect(await refuse(link, end)).toBe('BUNDLE_ARCHIVE_UNSAFE');
    expect(await refuse(headerOf({ path: 'a', sizeBytes: 5_000 }), end)).toBe('BUNDLE_ARCHIVE_INVALID');
    expect(await refuse(empty)).toBe('BUNDLE_ARCHIVE_INVALID');
    const many = Array.from({ length: 67 }, (_, i) => headerOf({ path: `f${i}`, sizeBytes: 0 }));
    expect(await refuse(...many, end)).toBe('BUNDLE_ARCHIVE_TOO_LARGE');
  });

  test('of noise is refused by name, never by a crash', async () => {
    const [file, target] = [join(await shelf.folder(), 'noise'), join(await shelf.folder(), 'out')];
    const whole = await packed(condition);
    await fc.assert(
      fc.asyncProperty(fc.nat(600), fc.uint8Array({ minLength: 1, maxLength: 40 }), async (at, noise) => {
        const damaged = Buffer.from(whole.subarray(0, 40_960));
        damaged.set(noise, at);
        await writeFile(file, damaged);
        const code = await codeOf(unpackBundle(file, target));
        expect(['BUNDLE_ARCHIVE_INVALID', 'BUNDLE_ARCHIVE_UNSAFE']).toContain(code);
      }),
      { numRuns: 30 },
    );
  });

  test('is not made of a folder without a manifest, with a file missing, or with a link', async () => {
    const { folder } = await shelf.write(contentOf({ model: DOUBLING }));
    const model = join(folder, 'model.onnx');
    await rm(model);
    expect(await codeOf(packed(folder))).toBe('BUNDLE_FILE_MISSING');
    await symlink('/etc/hostname', model);
    expect(await codeOf(packed(folder))).toBe('BUNDLE_FILE_MISSING');
    expect(await codeOf(packed(await shelf.folder()))).toBe('BUNDLE_MISSING');
    await writeFile(join(folder, 'manifest.json'), '{');
    expect(await codeOf(packed(folder))).toBe('BUNDLE_MANIFEST_INVALID');
  });
});

test('a path too long for an archive is named before anything is written', () => {
  const digest = createHash('sha256').update('').digest('hex');
  const long = { path: `${digest}${digest}`, sizeBytes: 0 };
  expect(() => headerOf(long)).toThrow('does not fit');
  expect(headerOf({ path: `${digest}/${digest}`, sizeBytes: 0 }).byteLength).toBe(512);
});
