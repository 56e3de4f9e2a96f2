/** Artifacts as files: `staging/`, `sha256/{ab}/{hash}` and `deltas/{target}-{base}`; what is there is whole, for it was renamed into place. */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hashContent, type ByteRange } from '@shoal/models/trust';
import { FleetError } from '../../../errors.ts';
import { ArtifactStore, type StagedArtifact, type StoredArtifact } from '../../../ports/artifact-store.ts';
import { DeltaMaker } from './delta-maker.ts';

/** A delta that saves less than this share is not worth its scratch space on the device. */
const WORTHWHILE = 0.9;

const isAbsent = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT';

const isOfSystem = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error && 'code' in error;

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const lengthOf = async (path: string): Promise<number | undefined> =>
  stat(path).then(
    ({ size }) => size,
    (error: unknown) => {
      if (isAbsent(error)) return undefined;
      throw error;
    },
  );

const stored = (path: string, lengthBytes: number): StoredArtifact => ({
  lengthBytes,
  read: ({ start, end }: ByteRange) => createReadStream(path, { start, end: end - 1 }),
});

export class DiskArtifacts extends ArtifactStore {
  readonly #folder: string;
  readonly #deltas = new DeltaMaker();
  /** Deltas in the making, by file name: who asks meanwhile waits for the same. */
  readonly #making = new Map<string, Promise<StoredArtifact | undefined>>();

  constructor(folder: string) {
    super();
    this.#folder = folder;
  }

  async start(): Promise<void> {
    await guarded(async () => {
      await rm(join(this.#folder, 'staging'), { recursive: true, force: true });
      for (const name of ['staging', 'sha256', 'deltas']) await mkdir(join(this.#folder, name), { recursive: true });
    });
  }

  async stop(): Promise<void> {
    await this.#deltas.stop();
  }

  async stage(content: AsyncIterable<Uint8Array>, maxBytes: number): Promise<StagedArtifact> {
    const path = join(this.#folder, 'staging', randomUUID());
    const file = await guarded(() => open(path, 'wx'));
    try {
      const hashed = await hashContent(written(content, file, maxBytes));
      await guarded(() => file.sync());
      const discard = (): Promise<void> => rm(path, { force: true });
      return { ...hashed, path, keep: () => this.#keep(path, hashed.sha256), discard };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  }

  find(sha256: string): Promise<StoredArtifact | undefined> {
    return guarded(async () => {
      const path = this.#path(sha256);
      const lengthBytes = await lengthOf(path);
      return lengthBytes === undefined ? undefined : stored(path, lengthBytes);
    });
  }

  delta(target: string, base: string): Promise<StoredArtifact | undefined> {
    const name = `${target}-${base}`;
    const known = this.#making.get(name);
    if (known !== undefined) return known;
    const made = guarded(() => this.#delta(target, base, join(this.#folder, 'deltas', name)));
    this.#making.set(name, made);
    return made.finally(() => this.#making.delete(name));
  }

  async remove(sha256: string): Promise<void> {
    await guarded(async () => {
      await rm(this.#path(sha256), { force: true });
      for (const name of await readdir(join(this.#folder, 'deltas')))
        if (name.includes(sha256)) await rm(join(this.#folder, 'deltas', name), { force: true });
    });
  }

  async retainOnly(known: ReadonlySet<string>): Promise<number> {
    const hashes = await guarded(async () => {
      const entries = await readdir(join(this.#folder, 'sha256'), { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    });
    const orphans = hashes.filter((hash) => !known.has(hash));
    for (const hash of orphans) await this.remove(hash);
    return orphans.length;
  }

  async #keep(staged: string, sha256: string): Promise<void> {
    const path = this.#path(sha256);
    await guarded(async () => {
      await mkdir(dirname(path), { recursive: true });
      await rename(staged, path);
      await syncFolder(dirname(path));
      await syncFolder(join(this.#folder, 'sha256'));
    });
  }

  /** An empty file remembers that there is no delta worth it. */
  async #delta(target: string, base: string, path: string): Promise<StoredArtifact | undefined> {
    const [whole, from] = await Promise.all([this.find(target), this.find(base)]);
    if (whole === undefined || from === undefined || target === base) return undefined;
    const made = await lengthOf(path);
    if (made !== undefined) return made === 0 ? undefined : stored(path, made);
    const staged = join(this.#folder, 'staging', randomUUID());
    await this.#deltas.make(this.#path(base), this.#path(target), staged, Math.floor(whole.lengthBytes * WORTHWHILE));
    await rename(staged, path);
    const lengthBytes = (await lengthOf(path)) ?? 0;
    return lengthBytes === 0 ? undefined : stored(path, lengthBytes);
  }

  #path(sha256: string): string {
    return join(this.#folder, 'sha256', sha256.slice(0, 2), sha256);
  }
}

// Writes what goes through it.
async function* written(
  content: AsyncIterable<Uint8Array>,
  file: FileHandle,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let held = 0;
  for await (const bytes of content) {
    held += bytes.byteLength;
    if (held > maxBytes)
      throw new FleetError('REQUEST_TOO_LARGE', `More than ${maxBytes} bytes came, which is the most that is taken.`);
    await guarded(() => file.writeFile(bytes));
    yield bytes;
  }
}

const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (cause) {
    if (!isOfSystem(cause)) throw cause;
    throw new FleetError('ARTIFACT_STORE_UNAVAILABLE', `The folder of artifacts cannot be used: ${cause.message}.`, {
      cause,
    });
  }
};
