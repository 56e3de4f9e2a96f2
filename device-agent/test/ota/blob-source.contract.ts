/** What every way to bundles has to give a download: resumed, checked, bounded, paced, and let go. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CHUNK_BYTES } from '@shoal/models/trust';
import type { BlobSource, FileSource } from '../../src/ota/blob-source.port.ts';
import { BlobStore } from '../../src/ota/blob-store.ts';
import { download, type DownloadOptions } from '../../src/ota/download.ts';
import { nodeDisk } from '../../src/ota/node-disk.ts';
import type { Patience } from '../../src/ota/patience.ts';
import type { UpdateDisk } from '../../src/ota/update-disk.port.ts';
import { codeOf } from '../fixtures/conditions.ts';

export const IMPATIENT: Patience = { silenceMs: 300, leastBytesPerS: 1_000, graceMs: 50 };

/** A fleet server that gives what it holds, and misbehaves as it is told. */
export interface BlobServer {
  readonly source: BlobSource & FileSource;
  /** By path. */
  readonly content: Map<string, Uint8Array>;
  /** Bytes that a request is given before it is cut off. */
  cutAfter: number;
  /** Says nothing any more. */
  isMute: boolean;
  /** Bytes that were given away. */
  given: number;
  stop(): Promise<void>;
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const never = new AbortController().signal;

const collected = async (parts: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
};

export const blobSourceContract = (start: () => Promise<BlobServer>): void => {
  describe('a way to bundles', () => {
    const blob = randomBytes(2 * CHUNK_BYTES + 12_345);
    const sha256 = sha256Of(blob);
    const path = `/blobs/sha256/${sha256}`;
    const chunks = [0, 1, 2].map((at) => sha256Of(blob.subarray(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES)));
    let server: BlobServer;
    let root: string;
    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), 'shoal-source-'));
      server = await start();
      server.content.set(path, blob);
    });
    afterAll(async () => {
      await server.stop();
      await rm(root, { recursive: true, force: true });
    });

    const place = async (over: Partial<DownloadOptions> = {}, disk: UpdateDisk = nodeDisk) => {
      const folder = await mkdtemp(join(root, 'device-'));
      const store = new BlobStore(disk, folder);
      const options: DownloadOptions = {
        store,
        source: server.source,
        assigned: { sha256, lengthBytes: blob.byteLength },
        chunks,
        bases: [],
        onProgress: () => undefined,
        pause: async () => undefined,
        monotonic: () => performance.now(),
        ...over,
      };
      return { run: () => download(options, never), store };
    };
    const held = async (store: BlobStore): Promise<string> => store.sha256Of(sha256, blob.byteLength, never);

    it('gives exactly the bytes of a range, also of one past the end, which gives what there is', async () => {
      const range = (from: number, to: number) => collected(server.source.range(sha256, from, to, never));
      expect(await range(7, 200_007)).toEqual(blob.subarray(7, 200_007));
      expect(await range(blob.byteLength - 5, blob.byteLength)).toEqual(blob.subarray(-5));
      expect(await range(blob.byteLength - 5, blob.byteLength + 50)).toEqual(blob.subarray(-5));
    });

    it('knows what is not there', async () => {
      const absent = 'f'.repeat(64);
      expect(await codeOf(collected(server.source.range(absent, 0, 10, never)))).toBe('UPDATE_OFFLINE');
      expect(await server.source.delta(sha256, absent, 10, never)).toBeUndefined();
      expect(await server.source.file('/tuf/9.root.json', 10, never)).toBeUndefined();
    });

    it('gives a small file as a whole, and none that is larger than it may be', async () => {
      server.content.set('/tuf/1.root.json', blob.subarray(0, 50_000));
      expect(await server.source.file('/tuf/1.root.json', 50_000, never)).toEqual(blob.subarray(0, 50_000));
      expect(await codeOf(server.source.file('/tuf/1.root.json', 49_999, never))).toBe('UPDATE_OFFLINE');
    });

    it('goes on behind the last byte after every cut, and fetches little twice', async () => {
      const { run, store } = await place();
      const before = server.given;
      server.cutAfter = 400_000;
      let cuts = 0;
      for (let code: unknown = ''; code !== 'resolved'; cuts += 1) {
        code = await codeOf(run());
        expect(['UPDATE_OFFLINE', 'resolved']).toContain(code);
      }
      server.cutAfter = Infinity;
      expect(cuts).toBeGreaterThan(3);
      expect(await held(store)).toBe(sha256);
      expect((server.given - before) / blob.byteLength).toBeLessThan(1.5);
    });

    it('finds wrong bytes by the hash of their chunk and fetches that chunk anew', async () => {
      const wrong = Buffer.from(blob);
      wrong[CHUNK_BYTES + 9] = 255 - (wrong[CHUNK_BYTES + 9] ?? 0);
      server.content.set(path, wrong);
      const { run, store } = await place();
      expect(await codeOf(run())).toBe('UPDATE_CHUNK_INVALID');
      expect(await store.partBytes(sha256)).toBe(CHUNK_BYTES);
      server.content.set(path, blob);
      await run();
      expect(await held(store)).toBe(sha256);
    });

    it('says that the disk is full, before and while it writes, and goes on when it is not', async () => {
      let isFull = true;
      const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
      const disk: UpdateDisk = {
        ...nodeDisk,
        writeAt: async (...about) => (isFull ? Promise.reject(full) : nodeDisk.writeAt(...about)),
      };
      const { run, store } = await place({}, disk);
      await expect(run()).rejects.toBe(full);
      isFull = false;
      await run();
      expect(await held(store)).toBe(sha256);
      const crowded = await place({}, { ...nodeDisk, freeBytes: async () => 1_000 });
      expect(await codeOf(crowded.run())).toBe('UPDATE_NO_SPACE');
    });

    it('lets no more through than the assignment allows', async () => {
      let waited = 0;
      const pause = async (ms: number): Promise<void> => void (waited += ms);
      const downloadBytesPerS = 65_536;
      const { run } = await place({
        assigned: { sha256, lengthBytes: blob.byteLength, downloadBytesPerS },
        pause,
        monotonic: () => waited,
      });
      await run();
      expect(waited).toBeGreaterThan(((blob.byteLength - 65_536) / downloadBytesPerS) * 1_000);
    });

    it('gives up where nothing comes, and lets go when it is called off', async () => {
      server.isMute = true;
      expect(await codeOf(collected(server.source.range(sha256, 0, 1_000, never)))).toBe('UPDATE_OFFLINE');
      const call = new AbortController();
      const asked = codeOf(collected(server.source.range(sha256, 0, 1_000, call.signal)));
      call.abort();
      expect(await asked).toBe('UPDATE_OFFLINE');
      server.isMute = false;
      expect(await collected(server.source.range(sha256, 0, 10, never))).toEqual(blob.subarray(0, 10));
    });
  });
};
