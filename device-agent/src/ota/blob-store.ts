/** Packed bundles on this device by their sha256, whole or in part, and the folders they are unpacked into. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ByteSource } from '@shoal/models/trust';
import type { UpdateDisk } from './update-disk.port.ts';

const PART = '.part';
/** Hashed at a time: no longer than a few milliseconds on a small machine. */
const PIECE_BYTES = 262_144;

export class BlobStore {
  readonly #disk: UpdateDisk;
  readonly #blobs: string;
  readonly #bundles: string;

  constructor(disk: UpdateDisk, folder: string) {
    this.#disk = disk;
    this.#blobs = join(folder, 'blobs');
    this.#bundles = join(folder, 'bundles');
  }

  /** Of a packed bundle that is whole. */
  blobPath(sha256: string): string {
    return join(this.#blobs, sha256);
  }

  partPath(sha256: string): string {
    return join(this.#blobs, `${sha256}${PART}`);
  }

  /** Of an unpacked bundle. */
  folderOf(sha256: string): string {
    return join(this.#bundles, sha256);
  }

  async hasBlob(sha256: string, lengthBytes: number): Promise<boolean> {
    return (await this.#disk.size(this.blobPath(sha256))) === lengthBytes;
  }

  async makeFolders(): Promise<void> {
    await this.#disk.makeFolder(this.#blobs);
    await this.#disk.makeFolder(this.#bundles);
  }

  freeBytes(): Promise<number> {
    return this.#disk.freeBytes(this.#blobs);
  }

  /** What is there of a part; 0 for nothing. */
  async partBytes(sha256: string): Promise<number> {
    return (await this.#disk.size(this.partPath(sha256))) ?? 0;
  }

  readPart(sha256: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#disk.readAt(this.partPath(sha256), offset, length);
  }

  /** Durable when it resolves. */
  async writePart(sha256: string, offset: number, bytes: Uint8Array): Promise<void> {
    const path = this.partPath(sha256);
    await this.#disk.writeAt(path, offset, bytes);
    await this.#disk.sync(path);
  }

  /** What lies beyond is not to be trusted. */
  cutPart(sha256: string, length: number): Promise<void> {
    return this.#disk.truncate(this.partPath(sha256), length);
  }

  /** A part that is whole becomes the blob. */
  async finish(sha256: string): Promise<void> {
    await this.#disk.sync(this.partPath(sha256));
    await this.#disk.rename(this.partPath(sha256), this.blobPath(sha256));
    await this.#disk.sync(this.#blobs);
  }

  async forget(sha256: string): Promise<void> {
    await this.#disk.remove(this.blobPath(sha256));
    await this.#disk.remove(this.partPath(sha256));
    await this.#disk.remove(this.folderOf(sha256));
  }

  /** Hex, of a blob that is whole. */
  async sha256Of(sha256: string, lengthBytes: number, signal: AbortSignal): Promise<string> {
    const hash = createHash('sha256');
    for (let offset = 0; offset < lengthBytes; offset += PIECE_BYTES) {
      signal.throwIfAborted();
      hash.update(await this.#disk.readAt(this.blobPath(sha256), offset, Math.min(PIECE_BYTES, lengthBytes - offset)));
    }
    return hash.digest('hex');
  }

  /** As a base of deltas; undefined when it is not here. */
  async source(sha256: string): Promise<ByteSource | undefined> {
    const lengthBytes = await this.#disk.size(this.blobPath(sha256));
    if (lengthBytes === undefined) return undefined;
    return { lengthBytes, read: (offset, length) => this.#disk.readAt(this.blobPath(sha256), offset, length) };
  }

  /** Removes everything but what belongs to packed bundles that are wanted; asked anew before each removal. */
  async keepOnly(isWanted: (sha256: string) => boolean): Promise<void> {
    for (const folder of [this.#blobs, this.#bundles])
      for (const name of await this.#disk.list(folder))
        if (!isWanted(name.replace(/\..*$/, ''))) await this.#disk.remove(join(folder, name));
  }
}
