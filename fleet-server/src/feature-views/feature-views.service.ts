/** Defines feature views: stored by version, audited, and registered with the store before anybody can name them. */
import { Injectable } from '@nestjs/common';
import { entityViewHash, SHIPPED_VIEWS } from '@shoal/models';
import type { EntityView, FeatureViewDocument, Page } from '@shoal/protocol';
import { SYSTEM, type Actor } from '../audit/actor.ts';
import { AuditService, type Recorder } from '../audit/audit.service.ts';
import { ControlDatabase, type FeatureViewRow, type Transaction } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import { requireRevision } from '../listing/conditional.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import { FeatureViewsStore } from './feature-views.store.ts';
import { ViewRegistry } from './view-registry.service.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class FeatureViewsService {
  private readonly rows = new FeatureViewsStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly registry: ViewRegistry;
  private readonly around: Surroundings;

  constructor(database: ControlDatabase, audit: AuditService, registry: ViewRegistry, around: Surroundings) {
    this.database = database;
    this.audit = audit;
    this.registry = registry;
    this.around = around;
  }

  /** Registers every stored version; the views that come with Shoal are defined once, and stay removed when removed. */
  async start(): Promise<void> {
    const versions = await this.rows.versions(this.database);
    for (const { view } of versions) await this.registry.adopt(view);
    for (const row of await this.rows.current(this.database)) {
      const compiled = this.registry.version(row.hash);
      if (compiled !== undefined) this.registry.makeCurrent(compiled);
    }
    if (this.around.config.shippedViews === 'leave') return;
    const known = new Set(versions.map(({ view }) => view.name));
    for (const view of SHIPPED_VIEWS) if (!known.has(view.name)) await this.create(SYSTEM, view, undefined);
  }

  async list(limit: number, cursor: string | undefined): Promise<Page<FeatureViewDocument>> {
    const after = cursor === undefined ? '' : String(decodeCursor(cursor, ['string'])[0]);
    const rows = (await this.rows.current(this.database)).filter(({ name }) => name > after);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: shown.map((row) => this.documentOf(row)),
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.name]) : null,
    };
  }

  /** @throws FleetError FEATURE_VIEW_NOT_FOUND */
  async show(name: string): Promise<FeatureViewDocument> {
    return this.documentOf(await this.row(this.database, name));
  }

  /** With an Idempotency-Key the same definition again is answered the same. @throws FleetError FEATURE_VIEW_EXISTS */
  async create(actor: Actor, view: EntityView, idempotencyKey: string | undefined): Promise<FeatureViewDocument> {
    return this.change(view, async (transaction, record) => {
      const before = await this.rows.find(transaction, view.name);
      if (before !== undefined) {
        if (idempotencyKey !== undefined && before.hash === entityViewHash(view)) return before;
        throw new FleetError('FEATURE_VIEW_EXISTS', `View ${view.name} is defined already; replace it with PUT.`);
      }
      return this.write(transaction, record, { actor, view, before: undefined });
    });
  }

  /** @throws FleetError FEATURE_VIEW_NOT_FOUND | REVISION_STALE */
  async replace(actor: Actor, view: EntityView, ifMatch: string | undefined): Promise<FeatureViewDocument> {
    return this.change(view, async (transaction, record) => {
      const before = await this.row(transaction, view.name);
      requireRevision(ifMatch, before.revision, `View ${view.name}`);
      return before.hash === entityViewHash(view) ? before : this.write(transaction, record, { actor, view, before });
    });
  }

  /** @throws FleetError FEATURE_VIEW_NOT_FOUND | REVISION_STALE */
  async remove(actor: Actor, name: string, ifMatch: string | undefined): Promise<void> {
    await this.audit.change(async (transaction, record) => {
      const before = await this.row(transaction, name);
      requireRevision(ifMatch, before.revision, `View ${name}`);
      await this.rows.remove(transaction, name);
      const was = this.registry.version(before.hash)?.view ?? null;
      await record({
        actor,
        action: 'feature-view.removed',
        subject: `feature-view:${name}`,
        before: was,
        after: null,
      });
    });
    this.registry.forget(name);
  }

  private async change(
    view: EntityView,
    work: (transaction: Transaction, record: Recorder) => Promise<FeatureViewRow>,
  ): Promise<FeatureViewDocument> {
    const compiled = await this.registry.adopt(view);
    const row = await this.audit.change(work);
    this.registry.makeCurrent(compiled);
    return this.documentOf(row);
  }

  private async write(
    transaction: Transaction,
    record: Recorder,
    { actor, view, before }: { actor: Actor; view: EntityView; before: FeatureViewRow | undefined },
  ): Promise<FeatureViewRow> {
    const row: FeatureViewRow = {
      name: view.name,
      hash: entityViewHash(view),
      revision: (before?.revision ?? 0) + 1,
      updated_at: this.around.clock.now(),
    };
    if (!(await this.rows.write(transaction, row, view))) {
      throw new FleetError('REVISION_STALE', `View ${view.name} was changed meanwhile; read it and try again.`);
    }
    const was = before === undefined ? null : (this.registry.version(before.hash)?.view ?? null);
    const action = before === undefined ? 'feature-view.defined' : 'feature-view.replaced';
    await record({ actor, action, subject: `feature-view:${view.name}`, before: was, after: view });
    return row;
  }

  private async row(db: ControlDatabase | Transaction, name: string): Promise<FeatureViewRow> {
    const row = await this.rows.find(db, name);
    if (row !== undefined) return row;
    throw new FleetError('FEATURE_VIEW_NOT_FOUND', `No feature view "${name}". List them with GET /api/feature-views.`);
  }

  private documentOf({ name, hash, revision, updated_at: updatedAt }: FeatureViewRow): FeatureViewDocument {
    const compiled = this.registry.version(hash);
    if (compiled === undefined) throw new FleetError('INTERNAL', `View ${name} is stored and not registered.`);
    return { name, view: compiled.view, hash, revision, updatedAt };
  }
}
