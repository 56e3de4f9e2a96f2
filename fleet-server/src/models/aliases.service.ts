/** Aliases: names that move from version to version, by compare-and-set. */
import { Injectable } from '@nestjs/common';
import type { ModelAliasName } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { ControlDatabase, type Connection, type ModelAliasRow } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import { requireRevision } from '../listing/conditional.ts';
import { ModelsStore } from './models.store.ts';
import { Releases } from './releases.service.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class Aliases {
  private readonly rows = new ModelsStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly releases: Releases;
  private readonly around: Surroundings;

  constructor(database: ControlDatabase, audit: AuditService, releases: Releases, around: Surroundings) {
    this.database = database;
    this.audit = audit;
    this.releases = releases;
    this.around = around;
  }

  /** @throws FleetError MODEL_ALIAS_NOT_FOUND */
  async show(name: string, alias: ModelAliasName, db: Connection = this.database): Promise<ModelAliasRow> {
    const row = await this.rows.alias(db, name, alias);
    if (row !== undefined) return row;
    throw new FleetError('MODEL_ALIAS_NOT_FOUND', `${alias} of ${name} points nowhere.`);
  }

  /** Revision 0 is that of an alias that is not there. @throws FleetError MODEL_RELEASE_NOT_FOUND | REVISION_STALE */
  async put(
    actor: Actor,
    name: string,
    alias: ModelAliasName,
    { version, ifMatch }: { readonly version: string; readonly ifMatch: string | undefined },
  ): Promise<ModelAliasRow> {
    return this.audit.change(async (transaction, record) => {
      await this.releases.show(name, version, transaction);
      const before = await this.rows.alias(transaction, name, alias);
      requireRevision(ifMatch, before?.revision ?? 0, `${alias} of ${name}`);
      if (before?.version === version) return before;
      const revision = (before?.revision ?? 0) + 1;
      const row = { name, alias, version, revision, updated_at: this.around.clock.now() };
      await this.rows.putAlias(transaction, row);
      await record({
        actor,
        action: 'model.alias.moved',
        subject: `model:${name}`,
        before: before === undefined ? null : { alias, version: before.version },
        after: { alias, version },
      });
      return row;
    });
  }

  /** @throws FleetError MODEL_ALIAS_NOT_FOUND | REVISION_STALE */
  async remove(actor: Actor, name: string, alias: ModelAliasName, ifMatch: string | undefined): Promise<void> {
    await this.audit.change(async (transaction, record) => {
      const before = await this.show(name, alias, transaction);
      requireRevision(ifMatch, before.revision, `${alias} of ${name}`);
      await this.rows.removeAlias(transaction, name, alias);
      await record({
        actor,
        action: 'model.alias.removed',
        subject: `model:${name}`,
        before: { alias, version: before.version },
        after: null,
      });
    });
  }
}
