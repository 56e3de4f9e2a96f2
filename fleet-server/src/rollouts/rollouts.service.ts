/** Rollouts for people and programs: looking at them, and acting on them. */
import { Injectable } from '@nestjs/common';
import type { Page, Rollout, RolloutDevice, RolloutDeviceState, RolloutEvent } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { ControlDatabase } from '../db/database.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import type { Deed } from './rollout-actions.ts';
import { RolloutDocuments } from './rollout-documents.service.ts';
import { RolloutEngine } from './rollout-engine.service.ts';
import { noRollout } from './rollout-loader.service.ts';
import type { RolloutRecord, TimelineEntry } from './rollout.ts';
import { StartGates } from './start-gates.service.ts';
import { RolloutsStore, type RolloutFilter } from './rollouts.store.ts';

@Injectable()
export class RolloutsService {
  private readonly store = new RolloutsStore();
  private readonly database: ControlDatabase;
  private readonly engine: RolloutEngine;
  private readonly documents: RolloutDocuments;
  private readonly gates: StartGates;

  constructor(database: ControlDatabase, engine: RolloutEngine, documents: RolloutDocuments, gates: StartGates) {
    this.database = database;
    this.engine = engine;
    this.documents = documents;
    this.gates = gates;
  }

  /** @throws FleetError ROLLOUT_NOT_FOUND | ROLLOUT_STATE | APPROVAL_OWN, and of `StartGates` */
  async act(actor: Actor, rolloutId: string, deed: Omit<Deed, 'principal'>): Promise<Rollout> {
    await this.gates.before(await this.stored(rolloutId), deed.action);
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

  private async stored(rolloutId: string): Promise<RolloutRecord> {
    const rollout = await this.store.find(this.database, rolloutId);
    if (rollout === undefined) throw noRollout(rolloutId);
    return rollout;
  }
}
