/** The registry as backtests see it: what a version or an alias of a model is, with its manifest. */
import { Injectable } from '@nestjs/common';
import { MODEL_ALIASES } from '@shoal/protocol';
import { ModelBundles, type ReleasedBundle } from '../ports/model-bundles.ts';
import { Aliases } from './aliases.service.ts';
import { manifestOf, Releases } from './releases.service.ts';

@Injectable()
export class ReleasedBundles extends ModelBundles {
  private readonly aliases: Aliases;
  private readonly releases: Releases;

  constructor(aliases: Aliases, releases: Releases) {
    super();
    this.aliases = aliases;
    this.releases = releases;
  }

  async show(name: string, reference: string): Promise<ReleasedBundle> {
    const alias = MODEL_ALIASES.find((known) => known === reference);
    const version = alias === undefined ? reference : (await this.aliases.show(name, alias)).version;
    const row = await this.releases.show(name, version);
    return { name, version, digest: row.digest, sha256: row.sha256, manifest: manifestOf(row) };
  }
}
