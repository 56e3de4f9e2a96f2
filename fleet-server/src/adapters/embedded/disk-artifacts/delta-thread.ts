/** Entry of the thread that makes one delta and ends. */
import { open, truncate, type FileHandle } from 'node:fs/promises';
import { workerData } from 'node:worker_threads';
import { makeDelta, type ByteSource } from '@shoal/models/trust';

export interface DeltaOrder {
  /** Paths of files. */
  readonly base: string;
  readonly target: string;
  readonly file: string;
  /** A longer delta is given up, and the file left empty. */
  readonly maxBytes: number;
}

const sourceOf = async (file: FileHandle): Promise<ByteSource> => ({
  lengthBytes: (await file.stat()).size,
  read: async (offset, length) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  },
});

const { base, target, file, maxBytes } = workerData as DeltaOrder;
const [from, to, out] = await Promise.all([open(base), open(target), open(file, 'wx')]);
let length = 0;
for await (const bytes of makeDelta(await sourceOf(from), await sourceOf(to))) {
  length += bytes.byteLength;
  if (length > maxBytes) break;
  await out.writeFile(bytes);
}
await out.sync();
await Promise.all([from.close(), to.close(), out.close()]);
if (length > maxBytes) await truncate(file, 0);
