/** A server killed while it releases: what was acknowledged is signed and can be fetched, and the repository is always whole. */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { catalogFolder } from '@shoal/models';
import { packBundle } from '@shoal/models/trust';
import type { ModelRelease, Page } from '@shoal/protocol';
import { Updater } from 'tuf-js';
import { environment } from './support/config.ts';
import { Cleanup, getJson, temporaryFolder, testbed } from './support/rig.ts';

const cleanup = new Cleanup();
afterEach(async () => cleanup.run(), 40_000);

const KILLS = 2;
const PATIENCE = { SHOAL_MODELS_CHECK_TIMEOUT_MS: '60000' };

const packed = async (folder: string, counter: number): Promise<Buffer> => {
  const bundle = join(folder, `bundle-${counter}`);
  cpSync(join(catalogFolder(), 'pump-anomaly', '1.1.0'), bundle, { recursive: true });
  const manifest = join(bundle, 'manifest.json');
  const content = JSON.parse(readFileSync(manifest, 'utf8')) as object;
  writeFileSync(manifest, JSON.stringify({ ...content, version: `9.${counter}.0`, releaseCounter: 100 + counter }));
  return buffer(await packBundle(bundle));
};

/** Undefined when the server dies before it answers. */
const pushed = async (url: string, archive: Buffer): Promise<string | undefined> => {
  const headers = { 'content-type': 'application/x-tar' };
  return fetch(`${url}/api/models`, { method: 'POST', headers, body: new Uint8Array(archive) }).then(
    async (answer) => (answer.status === 201 ? ((await answer.json()) as ModelRelease).target : undefined),
    () => undefined,
  );
};

test('what is released is whole after every kill -9, and nothing half released is left', async () => {
  const folder = temporaryFolder(cleanup);
  const bed = await testbed(folder, cleanup, { environment: { ...environment, ...PATIENCE } });
  const metadataDir = join(folder, 'client');
  mkdirSync(metadataDir);
  const root = await fetch(`${bed.httpUrl}/tuf/1.root.json`);
  writeFileSync(join(metadataDir, 'root.json'), Buffer.from(await root.arrayBuffer()));
  const acknowledged: string[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const archives = [await packed(folder, 2 * kill), await packed(folder, 2 * kill + 1)];
    const first = await pushed(bed.httpUrl, archives[0] as Buffer);
    expect(first).toBeDefined();
    acknowledged.push(first as string);
    const second = pushed(bed.httpUrl, archives[1] as Buffer);
    // Somewhere between the first byte and the commit.
    await pause(Math.random() * 400);
    await bed.killServer();
    const target = await second;
    if (target !== undefined) acknowledged.push(target);
    await bed.startServer();
    const client = new Updater({ metadataDir, metadataBaseUrl: `${bed.httpUrl}/tuf`, config: { fetchRetry: 0 } });
    const { items } = await getJson<Page<ModelRelease>>(`${bed.httpUrl}/api/models/pump-anomaly/versions?limit=1000`);
    const released = new Set(items.map((release) => release.target));
    expect(acknowledged.filter((path) => !released.has(path))).toEqual([]);
    for (const { target: path, sha256 } of items) {
      expect((await client.getTargetInfo(path))?.hashes['sha256']).toBe(sha256);
      const bytes = Buffer.from(await (await fetch(`${bed.httpUrl}/blobs/sha256/${sha256}`)).arrayBuffer());
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
    }
    const artifacts = join(folder, 'server', 'artifacts');
    expect(readdirSync(join(artifacts, 'staging'))).toEqual([]);
  }
}, 300_000);
