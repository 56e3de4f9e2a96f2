/** A disk under a process that dies at one of its calls: before it, in the middle of it, or right after it. Dead is dead: every later call fails. */
import type { UpdateDisk } from '@shoal/device-agent/ota/update-disk.port';

export const MOMENTS = ['before', 'torn', 'after'] as const;
export type Moment = (typeof MOMENTS)[number];

export interface CrashPoint {
  /** Counts from 1. */
  readonly call: number;
  readonly moment: Moment;
}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

export class CrashingDisk {
  readonly #disk: UpdateDisk;
  readonly #point: CrashPoint;
  readonly #onCrash: () => void;
  #calls = 0;
  #isDead = false;

  constructor(disk: UpdateDisk, point: CrashPoint, onCrash: () => void) {
    this.#disk = disk;
    this.#point = point;
    this.#onCrash = onCrash;
  }

  /** The process dies now, between two calls. */
  die(): void {
    this.#isDead = true;
  }

  /** As the updater sees it. */
  disk(): UpdateDisk {
    const disk = this.#disk;
    const half = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.byteLength >> 1);
    return {
      read: (path) => this.#call(() => disk.read(path)),
      readAt: (path, offset, length) => this.#call(() => disk.readAt(path, offset, length)),
      size: (path) => this.#call(() => disk.size(path)),
      list: (folder) => this.#call(() => disk.list(folder)),
      freeBytes: (folder) => this.#call(() => disk.freeBytes(folder)),
      makeFolder: (path) => this.#call(() => disk.makeFolder(path)),
      write: (path, bytes) =>
        this.#call(
          () => disk.write(path, bytes),
          () => disk.write(path, half(bytes)),
        ),
      writeAt: (path, offset, bytes) =>
        this.#call(
          () => disk.writeAt(path, offset, bytes),
          () => disk.writeAt(path, offset, half(bytes)),
        ),
      truncate: (path, length) => this.#call(() => disk.truncate(path, length)),
      sync: (path) => this.#call(() => disk.sync(path)),
      rename: (from, to) => this.#call(() => disk.rename(from, to)),
      unpack: (archive, folder) =>
        this.#call(
          () => disk.unpack(archive, folder),
          async () => {
            // What a process leaves that dies while it unpacks.
            await disk.makeFolder(`${folder}.partial`);
            await disk.write(`${folder}.partial/manifest.json`, Buffer.from('{'));
          },
        ),
      remove: (path) =>
        this.#call(
          () => disk.remove(path),
          async () => {
            const [first] = await disk.list(path);
            if (first !== undefined) await disk.remove(`${path}/${first}`);
          },
        ),
    };
  }

  async #call<T>(whole: () => Promise<T>, part: () => Promise<void> = async () => undefined): Promise<T> {
    if (this.#isDead) return never();
    this.#calls += 1;
    if (this.#calls !== this.#point.call) return whole();
    this.#isDead = true;
    if (this.#point.moment === 'torn') await part();
    if (this.#point.moment === 'after') await whole();
    this.#onCrash();
    return never();
  }
}
