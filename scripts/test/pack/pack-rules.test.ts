import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { isKept } from '../../pack/kept-files.ts';
import { packageClosure, type LockPackages } from '../../pack/package-closure.ts';
import { readFromArchive, writeArchive, type ArchiveEntry } from '../../pack/tar.ts';
import { isForTarget } from '../../pack/target.ts';

const LOCK: LockPackages = {
  'node_modules/@shoal/agent': { link: true, resolved: 'agent' },
  agent: { version: '1.0.0', dependencies: { a: '*', own: '*' }, optionalDependencies: { absent: '*' } },
  'agent/node_modules/own': { version: '2.0.0' },
  'node_modules/own': { version: '1.0.0' },
  'node_modules/a': { version: '1.0.0', dependencies: { b: '*', 'only-to-install': '*' } },
  'node_modules/a/node_modules/b': { version: '9.0.0', dependencies: { own: '*' } },
  'node_modules/b': { version: '1.0.0' },
  'node_modules/only-to-install': { version: '1.0.0' },
};

describe('what is packed', () => {
  it('is what Node would find for each importer, and nothing that nobody needs', () => {
    const closure = packageClosure(LOCK, '@shoal/agent', (name) => name === 'only-to-install');
    expect(closure.map(({ to, version }) => `${to}@${version}`)).toEqual([
      'node_modules/@shoal/agent@1.0.0',
      'node_modules/@shoal/agent/node_modules/own@2.0.0',
      'node_modules/a@1.0.0',
      'node_modules/a/node_modules/b@9.0.0',
      'node_modules/own@1.0.0',
    ]);
  });

  it('names who needs what is not installed', () => {
    const lock = { ...LOCK, 'node_modules/a': { dependencies: { nowhere: '*' } } };
    expect(() => packageClosure(lock, '@shoal/agent', () => false)).toThrow('a needs nowhere');
  });

  it.each([
    ['onnxruntime-node', 'bin/napi-v6/linux/arm64/libonnxruntime.so.1', true],
    ['onnxruntime-node', 'bin/napi-v6/linux/x64/libonnxruntime.so.1', false],
    ['onnxruntime-node', 'bin/napi-v6/win32/arm64/onnxruntime.dll', false],
    ['better-sqlite3', 'prebuilds/linux-arm64.node', true],
    ['better-sqlite3', 'prebuilds/linuxmusl-arm64.node', false],
    ['@shoal/models', 'catalog/pump-anomaly/1.0.0/model.onnx', true],
    ['@shoal/models', 'catalog/pump-anomaly/1.0.0/README.md', true],
    ['@shoal/models', 'src/index.ts', false],
    ['mqtt', 'test/node/client.js', false],
    ['ws', 'lib/receiver.js', true],
    ['ws', 'LICENSE', true],
    ['zod', 'index.d.ts', false],
  ])('of %s, %s for arm64: %s', (name, path, kept) => {
    expect(isKept(name, path, 'arm64')).toBe(kept);
  });

  it('refuses native code of another machine by its header, and nothing else', () => {
    const elf = (machine: number): Buffer => {
      const header = Buffer.alloc(64);
      header.write('\u007fELF', 'latin1');
      header.writeUInt16LE(machine, 18);
      return header;
    };
    expect([isForTarget(elf(183), 'arm64'), isForTarget(elf(62), 'arm64'), isForTarget(elf(62), 'x64')]).toEqual([
      true,
      false,
      true,
    ]);
    expect(isForTarget(Buffer.from('text'), 'arm64')).toBe(true);
  });

  it('gives the same bytes in whatever order the files come, and gives them back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-tar-'));
    try {
      const long = `${'deep/'.repeat(25)}file`;
      const entries: ArchiveEntry[] = ['b', long, 'a'].map((path, index) => ({
        path,
        isExecutable: index === 0,
        read: () => Buffer.from(path.repeat(200)),
      }));
      await writeArchive(join(folder, '1'), entries, 6);
      await writeArchive(join(folder, '2'), entries.toReversed(), 6);
      const [first, second] = [await readFile(join(folder, '1')), await readFile(join(folder, '2'))];
      expect(first.equals(second)).toBe(true);
      expect(readFromArchive(first, [long]).get(long)?.toString()).toBe(long.repeat(200));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
