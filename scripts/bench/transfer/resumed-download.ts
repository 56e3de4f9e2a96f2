/** Fetches a release over a link that breaks: by ranges, every chunk against its signed hash, on from the last byte that is there. */
import { open } from 'node:fs/promises';
import { checkChunk, chunkRange } from '@shoal/models/trust';

export interface WantedFile {
  readonly url: string;
  readonly sha256: string;
  readonly lengthBytes: number;
  /** sha256 of each chunk. */
  readonly chunks: readonly string[];
}

export interface DownloadTally {
  /** Bodies as they reached the client. */
  readonly receivedBytes: number;
  readonly requests: number;
}

const MAX_REQUESTS = 1_000;

/** Resolves with the whole file at `path`, every chunk verified. Throws CHUNK_MISMATCH, or when nothing comes any more. */
export const resumedDownload = async (wanted: WantedFile, path: string): Promise<DownloadTally> => {
  const file = await open(path, 'w+');
  let [have, receivedBytes, requests] = [0, 0, 0];
  try {
    while (have < wanted.lengthBytes) {
      requests += 1;
      if (requests > MAX_REQUESTS) throw new Error('the link never lets the file through');
      for await (const bytes of partsFrom(wanted, have)) {
        await file.write(bytes, 0, bytes.byteLength, have);
        have += bytes.byteLength;
        receivedBytes += bytes.byteLength;
      }
    }
    for (const index of wanted.chunks.keys()) {
      const { start, end } = chunkRange(index, wanted.lengthBytes);
      const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
      checkChunk(wanted.chunks, index, buffer);
    }
    return { receivedBytes, requests };
  } finally {
    await file.close();
  }
};

// Ends without an error when the link breaks.
async function* partsFrom({ url, sha256 }: WantedFile, start: number): AsyncGenerator<Uint8Array> {
  try {
    const response = await fetch(url, { headers: { range: `bytes=${start}-`, 'if-range': `"${sha256}"` } });
    if (response.status !== 206 || response.body === null) return;
    for await (const bytes of response.body) yield bytes as Uint8Array;
  } catch {
    return;
  }
}
