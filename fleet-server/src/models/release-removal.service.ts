/** Removes releases that nobody needs: no device runs them, no alias names them, nothing assigns them. */
import { Injectable } from '@nestjs/common';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { FleetError } from '../errors.ts';
import { ArtifactStore } from '../ports/artifact-store.ts';
import { ModelUsage } from '../ports/model-usage.ts';
import { ModelsStore } from './models.store.ts';
import { releaseMissing } from './releases.service.ts';
import { TufRepository } from './tuf-repository.service.ts';

@Injectable()
export class ReleaseRemoval {
  private readonly rows = new ModelsStore();
  private readonly audit: AuditService;
  private readonly artifacts: ArtifactStore;
  private readonly repository: TufRepository;
  private readonly usage: ModelUsage;

  constructor(audit: AuditService, artifacts: ArtifactStore, repository: TufRepository, usage: ModelUsage) {
    this.audit = audit;
    this.artifacts = artifacts;
    this.repository = repository;
    this.usage = usage;
  }

  /** @throws FleetError MODEL_RELEASE_NOT_FOUND | MODEL_RELEASE_IN_USE */
  async remove(actor: Actor, name: string, version: string): Promise<void> {
    // Outside of the transaction: whoever is asked may read the same database.
    const reasons = await this.usage.reasons(name, version);
    const row = await this.audit.change(async (transaction, record) => {
      const found = await this.rows.find(transaction, name, version);
      if (found === undefined) throw releaseMissing(name, version);
      const aliases = (await this.rows.aliases(transaction, [name])).filter((alias) => alias.version === version);
      const all = [...aliases.map(({ alias }) => `the alias ${alias} names it`), ...reasons];
      if (all.length > 0)
        throw new FleetError('MODEL_RELEASE_IN_USE', `${name}@${version} cannot be removed: ${all.join(', ')}.`);
      await this.rows.remove(transaction, name, version);
      await this.repository.publish(transaction, { remove: [found.target] });
      const { manifest: _, card: __, ...before } = found;
      await record({ actor, action: 'model.removed', subject: `model:${name}@${version}`, before, after: null });
      return found;
    });
    // A kill before this leaves a file that nothing names; the next start takes it away.
    await this.artifacts.remove(row.sha256);
  }
}
