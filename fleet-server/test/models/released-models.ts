/** Bundles for tests of the registry: the shipped pump model under other versions, packed. */
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { catalogFolder } from '@shoal/models';
import { packBundle } from '@shoal/models/trust';

const SHIPPED = join(catalogFolder(), 'pump-anomaly', '1.1.0');

type Manifest = Record<string, unknown> & { files: { path: string; sha256: string; lengthBytes: number }[] };

/** `change` edits the manifest, `files` replaces content. */
export const packedPump = async (
  change: Record<string, unknown>,
  files: Readonly<Record<string, Uint8Array>> = {},
): Promise<Buffer> => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-packed-'));
  try {
    await cp(SHIPPED, folder, { recursive: true });
    const manifest = { ...(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Manifest), ...change };
    for (const [path, bytes] of Object.entries(files)) {
      await writeFile(join(folder, path), bytes);
      const file = manifest.files.find((candidate) => candidate.path === path);
      if (file !== undefined)
        Object.assign(file, {
          sha256: createHash('sha256').update(bytes).digest('hex'),
          lengthBytes: bytes.byteLength,
        });
    }
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    return await buffer(await packBundle(folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

export const push = async (
  url: string,
  bytes: Uint8Array,
): Promise<{ status: number; body: Record<string, unknown> }> => {
  const response = await fetch(`${url}/api/models`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-tar' },
    body: new Uint8Array(bytes),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
