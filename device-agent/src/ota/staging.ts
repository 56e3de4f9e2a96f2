/** Bundles unpacked on this device: put there from a packed one, and read as what was signed, file by file. */
import { readBundle, type Bundle, type ReadBundleOptions } from '@shoal/models';
import { AgentError } from '../errors.ts';
import type { BlobStore } from './blob-store.ts';
import type { UpdateDisk } from './update-disk.port.ts';
import type { Installed } from './update-record.ts';

export class Staging {
  readonly #disk: UpdateDisk;
  readonly #store: BlobStore;
  readonly #policy: () => Promise<ReadBundleOptions>;

  /** `policy`: who may sign bundles, and whether somebody must. */
  constructor(disk: UpdateDisk, store: BlobStore, policy: () => Promise<ReadBundleOptions>) {
    this.#disk = disk;
    this.#store = store;
    this.#policy = policy;
  }

  /** Unpacks it unless that was done. Throws as `read`, ModelError BUNDLE_ARCHIVE_*, and what the disk throws. */
  async unpack(wanted: Omit<Installed, 'source'>): Promise<Bundle> {
    const earlier = await this.read(wanted).catch(() => undefined);
    if (earlier !== undefined) return earlier;
    await this.#disk.unpack(this.#store.blobPath(wanted.sha256), this.#store.folderOf(wanted.sha256));
    return this.read(wanted);
  }

  /** Every byte of it is hashed. Throws ModelError BUNDLE_*, AgentError UPDATE_CONTRADICTED. */
  async read({ sha256, digest, version, releaseCounter }: Omit<Installed, 'source'>): Promise<Bundle> {
    const bundle = await readBundle(this.#store.folderOf(sha256), await this.#policy());
    const { manifest } = bundle;
    if (bundle.digest === digest && manifest.version === version && manifest.releaseCounter === releaseCounter)
      return bundle;
    throw new AgentError(
      'UPDATE_CONTRADICTED',
      `The bundle is ${manifest.name} ${manifest.version}, counter ${manifest.releaseCounter}, which is not what was signed.`,
    );
  }
}
