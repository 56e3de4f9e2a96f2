/** Makes rollouts: the release pinned, the request remembered, and started when that is asked for. */
import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { RolloutDefinition } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { FleetError } from '../errors.ts';
import { RolloutEngine } from './rollout-engine.service.ts';
import { pinned, RolloutReleases } from './rollout-releases.service.ts';
import { UNOPENED, type RolloutRecord } from './rollout.ts';
import { RolloutsStore } from './rollouts.store.ts';
import { Surroundings } from './surroundings.service.ts';

export interface NewRollout {
  readonly definition: RolloutDefinition;
  readonly isStarted: boolean;
  readonly idempotencyKey: string | undefined;
}

const newId = (): string => `r-${randomBytes(8).toString('hex')}`;

@Injectable()
export class RolloutCreation {
  private readonly store = new RolloutsStore();
  private readonly audit: AuditService;
  private readonly engine: RolloutEngine;
  private readonly releases: RolloutReleases;
  private readonly around: Surroundings;

  constructor(audit: AuditService, engine: RolloutEngine, releases: RolloutReleases, around: Surroundings) {
    this.audit = audit;
    this.engine = engine;
    this.releases = releases;
    this.around = around;
  }

  /** The same definition with the same key makes one rollout. @throws FleetError MODEL_RELEASE_NOT_FOUND | IDEMPOTENCY_KEY_REUSED */
  async create(actor: Actor, { definition, isStarted, idempotencyKey }: NewRollout): Promise<RolloutRecord> {
    const release = pinned(await this.releases.find(definition.model, definition.version));
    const draft: RolloutRecord = {
      rolloutId: newId(),
      definition,
      release,
      state: 'draft',
      stage: 0,
      stages: definition.stages.map(() => UNOPENED),
      cause: null,
      rollback: null,
      rate: null,
      ordinal: 0,
      createdAt: this.around.clock.now(),
      createdBy: actor.principal,
      approvedBy: null,
      startedAt: null,
      finishedAt: null,
      revision: 1,
    };
    const rollout = await this.insert(actor, draft, idempotencyKey);
    await this.engine.adopt(rollout);
    if (!isStarted || rollout !== draft) return rollout;
    return this.engine.act(actor, rollout.rolloutId, { action: 'start', note: '', scope: 'all' });
  }

  private async insert(actor: Actor, draft: RolloutRecord, key: string | undefined): Promise<RolloutRecord> {
    const { rolloutId, definition } = draft;
    return this.audit.change(async (transaction, record) => {
      const request = key ?? null;
      const before = request === null ? undefined : await this.store.byRequest(transaction, request);
      if (before !== undefined) {
        if (JSON.stringify(before.definition) === JSON.stringify(definition)) return before;
        throw new FleetError(
          'IDEMPOTENCY_KEY_REUSED',
          `Rollout ${before.rolloutId} was made with this key and is another.`,
        );
      }
      const { number } = await this.store.highest(transaction);
      await this.store.insert(transaction, draft, number + 1, request);
      const created = { kind: 'created', stage: 0, deviceId: null, cause: null };
      const at = draft.createdAt;
      await this.store.appendEvents(transaction, rolloutId, { at, principal: actor.principal, entries: [created] });
      const subject = `rollout:${rolloutId}`;
      await record({ actor, action: 'rollout.created', subject, before: null, after: definition });
      return draft;
    });
  }
}
