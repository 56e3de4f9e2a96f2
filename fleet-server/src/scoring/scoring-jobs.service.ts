/** Defines scoring jobs: stored with a revision, audited, and checked against model and view before they are stored. */
import { Injectable } from '@nestjs/common';
import { canonicalJson } from '@shoal/models';
import { SchedulePlan } from '@shoal/models/scoring';
import { scoringJobSchema, type Page, type ScoringJob, type ScoringJobDocument } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import type { AuditService, Recorder } from '../audit/audit.service.ts';
import { ControlDatabase, type ScoringJobRow, type Transaction } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import { requireRevision } from '../listing/conditional.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import type { ScoreStore } from '../ports/score-store.ts';
import { RunTargets } from './run-targets.service.ts';
import { ScorePorts } from './score-ports.service.ts';
import { ScoringJobsStore } from './scoring-jobs.store.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class ScoringJobs {
  private readonly rows = new ScoringJobsStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly store: ScoreStore;
  private readonly targets: RunTargets;
  private readonly around: Surroundings;

  constructor(database: ControlDatabase, { store, audit }: ScorePorts, targets: RunTargets, around: Surroundings) {
    this.database = database;
    this.audit = audit;
    this.store = store;
    this.targets = targets;
    this.around = around;
  }

  /** By name, each with the instant of its last change. */
  async all(): Promise<readonly { readonly job: ScoringJob; readonly updatedAt: number }[]> {
    const rows = await this.rows.all(this.database);
    return rows.map((row) => ({ job: definitionOf(row), updatedAt: row.updated_at }));
  }

  async list(limit: number, cursor: string | undefined): Promise<Page<ScoringJobDocument>> {
    const after = cursor === undefined ? '' : String(decodeCursor(cursor, ['string'])[0]);
    const rows = await this.rows.page(this.database, after, limit + 1);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: shown.map((row) => this.document(row)),
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.name]) : null,
    };
  }

  /** @throws FleetError SCORING_JOB_NOT_FOUND */
  async show(name: string): Promise<ScoringJobDocument> {
    return this.document(await this.row(this.database, name));
  }

  /** @throws FleetError SCORING_JOB_EXISTS, and as `RunTargets.resolve` */
  async create(actor: Actor, job: ScoringJob, idempotencyKey: string | undefined): Promise<ScoringJobDocument> {
    this.check(job);
    const row = await this.audit.change(async (transaction, record) => {
      const before = await this.rows.find(transaction, job.name);
      if (before === undefined) return this.write(transaction, record, { actor, job, before });
      if (idempotencyKey !== undefined && isSame(before, job)) return before;
      throw new FleetError('SCORING_JOB_EXISTS', `Job ${job.name} is defined already; replace it with PUT.`);
    });
    return this.document(row);
  }

  /** @throws FleetError SCORING_JOB_NOT_FOUND | REVISION_STALE, and as `RunTargets.resolve` */
  async replace(actor: Actor, job: ScoringJob, ifMatch: string | undefined): Promise<ScoringJobDocument> {
    this.check(job);
    const row = await this.audit.change(async (transaction, record) => {
      const before = await this.row(transaction, job.name);
      requireRevision(ifMatch, before.revision, `Job ${job.name}`);
      return isSame(before, job) ? before : this.write(transaction, record, { actor, job, before });
    });
    return this.document(row);
  }

  /** @throws FleetError SCORING_JOB_NOT_FOUND | REVISION_STALE */
  async remove(actor: Actor, name: string, ifMatch: string | undefined): Promise<void> {
    await this.audit.change(async (transaction, record) => {
      const before = await this.row(transaction, name);
      requireRevision(ifMatch, before.revision, `Job ${name}`);
      await this.rows.remove(transaction, name);
      const subject = `scoring-job:${name}`;
      await record({ actor, action: 'scoring-job.removed', subject, before: definitionOf(before), after: null });
    });
    await this.store.dropJob(name);
  }

  /** @throws ModelError SCHEDULE_INVALID, and as `RunTargets.resolve` */
  private check(job: ScoringJob): void {
    this.targets.resolve(job);
    if (job.schedule !== undefined) void new SchedulePlan(job.schedule, job.name);
  }

  private async write(
    transaction: Transaction,
    record: Recorder,
    { actor, job, before }: { actor: Actor; job: ScoringJob; before: ScoringJobRow | undefined },
  ): Promise<ScoringJobRow> {
    const row: ScoringJobRow = {
      name: job.name,
      definition: JSON.stringify(job),
      revision: (before?.revision ?? 0) + 1,
      updated_at: this.around.clock.now(),
    };
    if (!(await this.rows.write(transaction, row))) {
      throw new FleetError('REVISION_STALE', `Job ${row.name} was changed meanwhile; read it and try again.`);
    }
    await record({
      actor,
      action: before === undefined ? 'scoring-job.defined' : 'scoring-job.replaced',
      subject: `scoring-job:${row.name}`,
      before: before === undefined ? null : definitionOf(before),
      after: job,
    });
    return row;
  }

  private async row(db: ControlDatabase | Transaction, name: string): Promise<ScoringJobRow> {
    const row = await this.rows.find(db, name);
    if (row !== undefined) return row;
    throw new FleetError('SCORING_JOB_NOT_FOUND', `No scoring job "${name}". List them with GET /api/scoring/jobs.`);
  }

  private document(row: ScoringJobRow): ScoringJobDocument {
    return {
      name: row.name,
      job: definitionOf(row),
      revision: row.revision,
      updatedAt: row.updated_at,
      publishedRun: this.store.published(row.name)?.runId ?? null,
    };
  }
}

/** What an older version did not know is as it would be by default. */
const definitionOf = ({ definition }: ScoringJobRow): ScoringJob => scoringJobSchema.parse(JSON.parse(definition));

const isSame = (row: ScoringJobRow, job: ScoringJob): boolean =>
  canonicalJson(definitionOf(row)) === canonicalJson(job);
