/** Fetches a release over a link that breaks, with the agent's own downloader: again and again until it is whole, each time on from the last byte. */
import { setTimeout as delay } from 'node:timers/promises';
import { BlobStore } from '@shoal/device-agent/ota/blob-store';
import { download } from '@shoal/device-agent/ota/download';
import { HttpBlobs } from '@shoal/device-agent/ota/http-blobs';
import { nodeDisk } from '@shoal/device-agent/ota/node-disk';

export interface WantedFile {
  /** Of the fleet server, through the link. */
  readonly url: string;
  readonly sha256: string;
  readonly lengthBytes: number;
  /** sha256 of each chunk. */
  readonly chunks: readonly string[];
}

export interface Downloaded {
  readonly path: string;
  readonly requests: number;
}

const MAX_REQUESTS = 1_000;
const PAUSE_MS = 20;

const isCutOff = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'UPDATE_OFFLINE';

/** Resolves when the whole file is there, every chunk verified. Throws UPDATE_CHUNK_INVALID, or when the link never lets it through. */
export const resumedDownload = async (wanted: WantedFile, folder: string): Promise<Downloaded> => {
  const { url, sha256, lengthBytes, chunks } = wanted;
  const store = new BlobStore(nodeDisk, folder);
  const options = {
    store,
    source: new HttpBlobs(url),
    assigned: { sha256, lengthBytes },
    chunks,
    bases: [],
    onProgress: () => undefined,
    pause: async (ms: number, signal: AbortSignal): Promise<void> => {
      await delay(ms, undefined, { signal });
    },
    monotonic: () => performance.now(),
  };
  const { signal } = new AbortController();
  for (let requests = 1; requests <= MAX_REQUESTS; requests += 1) {
    try {
      await download(options, signal);
      return { path: store.blobPath(sha256), requests };
    } catch (error) {
      if (!isCutOff(error)) throw error;
      await delay(PAUSE_MS);
    }
  }
  throw new Error('the link never lets the file through');
};
