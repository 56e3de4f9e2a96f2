/** Rollouts for people and programs: making them, looking at them, and acting on them. */
import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Page, Rollout, RolloutDefinition, RolloutDevice, RolloutDeviceState, RolloutEvent } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { ControlDatabase } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import type { Deed } from './rollout-actions.ts';
import { noRollout, RolloutEngine } from './rollout-engine.service.ts';
import { RolloutDocuments } from './rollout-documents.service.ts';
import { pinned, RolloutReleases } from './rollout-releases.service.ts';
import { UNOPENED, type RolloutRecord, type TimelineEntry } from './rollout.ts';
import { RolloutsStore, type RolloutFilter } from './rollouts.store.ts';
import { Surroundings } from './surroundings.service.ts';

export interface NewRollout {
  readonly definition: RolloutDefinition;
  readonly isStarted: boolean;
  readonly idempotencyKey: string | undefined;
}

const newId = (): string => `r-${randomBytes(8).toString('hex')}`;

@Injectable()
export class RolloutsService {
  private readonly store = new RolloutsStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly engine: RolloutEngine;
  private readonly documents: RolloutDocuments;
  private readonly releases: RolloutReleases;
  private readonly around: Surroundings;

  constructor(
    database: ControlDatabase,
    audit: AuditService,
    engine: RolloutEngine,
    documents: RolloutDocuments,
    releases: RolloutReleases,
    around: Surroundings,
  ) {
    this.database = database;
    this.audit = audit;
    this.engine = engine;
    this.documents = documents;
    this.releases = releases;
    this.around = around;
  }

  /** The same definition with the same key makes one rollout. @throws FleetError RELEASE_NOT_FOUND | IDEMPOTENCY_KEY_REUSED */
  async create(actor: Actor, { definition, isStarted, idempotencyKey }: NewRollout): Promise<Rollout> {
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
    if (isStarted && rollout === draft) return this.act(actor, rollout.rolloutId, { action: 'start', note: '', scope: 'all' });
    return this.documents.of(rollout);
  }

  /** @throws FleetError ROLLOUT_NOT_FOUND | ROLLOUT_STATE | APPROVAL_OWN */
  async act(actor: Actor, rolloutId: string, deed: Omit<Deed, 'principal'>): Promise<Rollout> {
    return this.documents.of(await this.engine.act(actor, rolloutId, deed));
  }

  /** @throws FleetError ROLLOUT_NOT_FOUND */
  async show(rolloutId: string): Promise<Rollout> {
    return this.documents.of(await this.stored(rolloutId));
  }

  /** Newest first. */
  async list(filter: RolloutFilter, limit: number, cursor: string | undefined): Promise<Page<Rollout>> {
    const before = cursor === undefined ? undefined : Number(decodeCursor(cursor, ['number'])[0]);
    const rows = await this.store.page(this.database, filter, before, limit + 1);
    const kept = rows.slice(0, limit);
    const last = kept.at(-1);
    const items: Rollout[] = [];
    for (const { rollout } of kept) items.push(await this.documents.of(rollout));
    return { items, nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.number]) : null };
  }

  /** By id. @throws FleetError ROLLOUT_NOT_FOUND */
  async devices(
    rolloutId: string,
    state: RolloutDeviceState | undefined,
    limit: number,
    cursor: string | undefined,
  ): Promise<Page<RolloutDevice>> {
    const rollout = await this.stored(rolloutId);
    const after = cursor === undefined ? '' : String(decodeCursor(cursor, ['string'])[0]);
    const rows = await this.store.devices(this.database, rolloutId, { after, limit: limit + 1, state });
    const items = rows.slice(0, limit).map((device) => this.documents.device(rollout, device));
    const last = items.at(-1);
    return { items, nextCursor: rows.length > limit && last ? encodeCursor([last.deviceId]) : null };
  }

  /** Oldest first. @throws FleetError ROLLOUT_NOT_FOUND */
  async timeline(rolloutId: string, limit: number, cursor: string | undefined): Promise<Page<RolloutEvent>> {
    await this.stored(rolloutId);
    const after = cursor === undefined ? 0 : Number(decodeCursor(cursor, ['number'])[0]);
    const rows = await this.store.events(this.database, rolloutId, after, limit + 1);
    const items = rows.slice(0, limit).map(({ number, at, principal, entry }) => {
      const { kind, stage, deviceId, cause } = JSON.parse(entry) as TimelineEntry;
      return { number, at, kind, stage, deviceId, by: principal, cause };
    });
    const last = items.at(-1);
    return { items, nextCursor: rows.length > limit && last ? encodeCursor([last.number]) : null };
  }

  private async insert(actor: Actor, draft: RolloutRecord, key: string | undefined): Promise<RolloutRecord> {
    const { rolloutId, definition } = draft;
    return this.audit.change(async (transaction, record) => {
      const request = key ?? null;
      const before = request === null ? undefined : await this.store.byRequest(transaction, request);
      if (before !== undefined) {
        if (JSON.stringify(before.definition) === JSON.stringify(definition)) return before;
        throw new FleetError('IDEMPOTENCY_KEY_REUSED', `Rollout ${before.rolloutId} was made with this key and is another.`);
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

  private async stored(rolloutId: string): Promise<RolloutRecord> {
    const rollout = await this.store.find(this.database, rolloutId);
    if (rollout === undefined) throw noRollout(rolloutId);
    return rollout;
  }
}
