/**
 * The metadata of the fleet on this device, in generations: each look works on a scratch copy that becomes the next generation as a
 * whole or not at all, and the root that the device was given is never written. tuf-js writes in place, and one torn root would end
 * its updates for ever.
 */
import { join } from 'node:path';
import { DIRECTOR_KEYS_TARGET } from '@shoal/models/trust';
import { AgentError, type AgentErrorCode } from '../errors.ts';
import { ROOT_UNUSABLE, type TargetFacts } from './look.ts';
import type { Look } from './run-tuf-child.ts';
import type { UpdateDisk } from './update-disk.port.ts';

export interface MetadataStoreOptions {
  readonly disk: UpdateDisk;
  readonly folder: string;
  /** Null: `look` fetches by other means than HTTP. */
  readonly url: string | null;
  /** Bytes of the first root that this device trusts. Throws UPDATE_ROOT_UNKNOWN. */
  readonly firstRoot: (signal: AbortSignal) => Promise<Uint8Array>;
  readonly look: Look;
}

export interface MetadataView {
  /** In the order they were asked for; null for one that is not signed. */
  readonly targets: readonly (TargetFacts | null)[];
  readonly directorKeys: Uint8Array;
}

const ROOT = 'root.json';
const SCRATCH = 'scratch';
const GENERATION = /^generation-(\d{1,15})$/;

/** By what tuf-js calls it (TUF 5.3 to 5.6); a server that does not answer is what it is. */
const CODES: Readonly<Record<string, AgentErrorCode>> = {
  ExpiredMetadataError: 'UPDATE_METADATA_EXPIRED',
  BadVersionError: 'UPDATE_METADATA_OLDER',
  UnsignedMetadataError: 'UPDATE_METADATA_UNTRUSTED',
  RepositoryError: 'UPDATE_METADATA_UNTRUSTED',
  LengthOrHashMismatchError: 'UPDATE_METADATA_UNTRUSTED',
  DownloadLengthMismatchError: 'UPDATE_METADATA_UNTRUSTED',
  ValueError: 'UPDATE_METADATA_UNTRUSTED',
  SyntaxError: 'UPDATE_METADATA_UNTRUSTED',
};

export class MetadataStore {
  readonly #options: MetadataStoreOptions;

  constructor(options: MetadataStoreOptions) {
    this.#options = options;
  }

  /** One at a time. Throws UPDATE_METADATA_*, UPDATE_OFFLINE, UPDATE_ROOT_UNKNOWN, and what the disk throws. */
  async look(targets: readonly string[], nowAt: number, signal: AbortSignal): Promise<MetadataView> {
    const generations = await this.#generations();
    for (const generation of [...generations, null]) {
      const base = await this.#copy(generation, signal);
      if (base === undefined) continue;
      const view = await this.#lookFrom(base, { targets, nowAt, newest: generations[0] ?? 0, signal });
      if (view !== 'root-unusable') return view;
    }
    throw new AgentError('UPDATE_METADATA_UNTRUSTED', 'The root that this device was given is no root.');
  }

  async #lookFrom(
    base: ReadonlyMap<string, Uint8Array>,
    request: { targets: readonly string[]; nowAt: number; newest: number; signal: AbortSignal },
  ): Promise<MetadataView | 'root-unusable'> {
    const { look, url } = this.#options;
    const { targets, nowAt, newest, signal } = request;
    const scratch = this.#path(SCRATCH);
    const answer = await look(
      { folder: scratch, url, targets: [...targets], keysTarget: DIRECTOR_KEYS_TARGET, nowAt },
      signal,
    );
    if (answer.type === 'failed' && answer.name === ROOT_UNUSABLE) return 'root-unusable';
    // What was verified before something else failed is kept: a device may need several looks to come forward.
    await this.#publish(base, newest);
    if (answer.type === 'found') {
      if (answer.directorKeys === null)
        throw new AgentError('UPDATE_METADATA_UNTRUSTED', `The repository signs no ${DIRECTOR_KEYS_TARGET}.`);
      return { targets: answer.targets, directorKeys: Buffer.from(answer.directorKeys) };
    }
    const { name, message, status } = answer;
    const code = CODES[name] ?? 'UPDATE_OFFLINE';
    throw new AgentError(code, `${message.slice(0, 300)}${status === null ? '' : ` (HTTP ${status})`}`);
  }

  /** Newest first. */
  async #generations(): Promise<number[]> {
    const names = await this.#options.disk.list(this.#options.folder);
    return names
      .flatMap((name) => GENERATION.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => b - a);
  }

  /** Into the scratch folder; undefined where its root is torn. Null means the first root alone. */
  async #copy(generation: number | null, signal: AbortSignal): Promise<Map<string, Uint8Array> | undefined> {
    const { disk, firstRoot } = this.#options;
    const files =
      generation === null ? new Map([[ROOT, await firstRoot(signal)]]) : await this.#files(generationName(generation));
    if (!isRoot(files.get(ROOT))) return undefined;
    const scratch = this.#path(SCRATCH);
    await disk.remove(scratch);
    await disk.makeFolder(scratch);
    for (const [name, bytes] of files) await disk.write(join(scratch, name), bytes);
    return files;
  }

  async #files(folder: string): Promise<Map<string, Uint8Array>> {
    const { disk } = this.#options;
    const files = new Map<string, Uint8Array>();
    for (const name of await disk.list(this.#path(folder))) {
      const bytes = name.endsWith('.json') ? await disk.read(join(this.#path(folder), name)) : undefined;
      if (bytes !== undefined) files.set(name, bytes);
    }
    return files;
  }

  /** Nothing is written where nothing is new. */
  async #publish(base: ReadonlyMap<string, Uint8Array>, newest: number): Promise<void> {
    const { disk, folder } = this.#options;
    const scratch = this.#path(SCRATCH);
    const files = await this.#files(SCRATCH);
    const isNew = [...files].some(([name, bytes]) => Buffer.compare(bytes, base.get(name) ?? new Uint8Array()) !== 0);
    if (!isNew || !isRoot(files.get(ROOT))) return disk.remove(scratch);
    for (const name of files.keys()) await disk.sync(join(scratch, name));
    await disk.sync(scratch);
    await disk.rename(scratch, this.#path(generationName(newest + 1)));
    await disk.sync(folder);
    for (const older of await this.#generations())
      if (older < newest) await disk.remove(this.#path(generationName(older)));
  }

  #path(name: string): string {
    return join(this.#options.folder, name);
  }
}

const generationName = (generation: number): string => `generation-${generation}`;

/** Torn by a power cut or not: its signatures are judged by who uses it. */
const isRoot = (bytes: Uint8Array | undefined): boolean => {
  try {
    const root = JSON.parse(Buffer.from(bytes ?? []).toString('utf8')) as { signed?: { _type?: unknown } };
    return root.signed?._type === 'root';
  } catch {
    return false;
  }
};
