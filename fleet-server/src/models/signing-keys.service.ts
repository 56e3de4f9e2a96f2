/** Opens the folder of signing keys, makes keys for development where there are none, and publishes those of the director. */
import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { DIRECTOR_KEYS_TARGET } from '@shoal/models/trust';
import { ControlDatabase } from '../db/database.ts';
import { ArtifactStore } from '../ports/artifact-store.ts';
import { clearPartialFiles, hasKeys, initKeys, readKeyRing, type KeyRing } from './key-folder.ts';
import { Surroundings } from './surroundings.service.ts';
import { TufRepository } from './tuf-repository.service.ts';

const DEVELOPMENT_KEYS = { rootKeys: 1, rootThreshold: 1, bits: 8 };
const MAX_KEYS_BYTES = 65_536;

@Injectable()
export class SigningKeys {
  private readonly database: ControlDatabase;
  private readonly artifacts: ArtifactStore;
  private readonly repository: TufRepository;
  private readonly around: Surroundings;

  constructor(database: ControlDatabase, artifacts: ArtifactStore, repository: TufRepository, around: Surroundings) {
    this.database = database;
    this.artifacts = artifacts;
    this.repository = repository;
    this.around = around;
  }

  /** @throws FleetError KEYS_INVALID */
  async open(): Promise<KeyRing> {
    const { keysDir: folder } = this.around.config;
    if (!(await hasKeys(folder)))
      await initKeys({ folder, offline: folder, now: this.around.clock.now() }, DEVELOPMENT_KEYS);
    await clearPartialFiles(folder);
    const ring = await readKeyRing(folder);
    if (ring.isDevelopment)
      this.around.log.warn(
        { folder },
        'DEVELOPMENT KEYS: the root key of all updates lies on this server. For a real fleet run "shoal-server keys init" on another machine.',
      );
    return ring;
  }

  /** What no target names any more goes, after that of the keys is there. */
  async publishDirectorKeys({ directorKeys }: KeyRing): Promise<void> {
    const staged = await this.artifacts.stage(Readable.from([directorKeys]), MAX_KEYS_BYTES);
    const { sha256, lengthBytes } = staged;
    const published = await this.repository.target(DIRECTOR_KEYS_TARGET);
    if (published?.sha256 === sha256 && (await this.artifacts.find(sha256)) !== undefined) await staged.discard();
    else {
      await staged.keep();
      await this.database
        .transaction()
        .execute((transaction) =>
          this.repository.publish(transaction, { add: [{ path: DIRECTOR_KEYS_TARGET, sha256, lengthBytes }] }),
        );
    }
    const orphans = await this.artifacts.retainOnly(await this.repository.hashes());
    if (orphans > 0) this.around.log.info({ orphans }, 'artifacts that nothing names were removed');
  }
}
