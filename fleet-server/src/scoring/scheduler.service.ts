/**
 * Runs scoring jobs when they are due. What is decided is stored before it is done, and done again after a kill: submitting a run
 * twice gives the same run.
 */
import { Injectable } from '@nestjs/common';
import { SchedulePlan } from '@shoal/models/scoring';
import type { ScoringJobDocument, ScoringSchedule } from '@shoal/protocol';
import { ControlDatabase, type ScoringOccurrenceRow } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import { SchedulesStore } from './schedules.store.ts';
import { Surroundings } from './surroundings.service.ts';

/** A night may begin so much later than its moment. */
const LOOK_EVERY_MS = 1_000;

interface Planned {
  /** JSON of the schedule the plan is of. */
  readonly text: string;
  readonly plan: SchedulePlan;
  decidedUntil: number;
  /** Nothing has to be decided before. */
  nextAt: number;
}

@Injectable()
export class ScoringScheduler {
  private readonly rows = new SchedulesStore();
  private readonly database: ControlDatabase;
  private readonly jobs: ScoringJobs;
  private readonly runs: ScoringRuns;
  private readonly around: Surroundings;
  private readonly planned = new Map<string, Planned>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;

  constructor(database: ControlDatabase, jobs: ScoringJobs, runs: ScoringRuns, around: Surroundings) {
    this.database = database;
    this.jobs = jobs;
    this.runs = runs;
    this.around = around;
  }

  start(): void {
    void this.look();
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  /** Does everything that is due now; who asks while it works waits for the same. */
  look(): Promise<void> {
    this.looking ??= this.lookOnce().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  private async lookOnce(): Promise<void> {
    const documents = await this.jobs.all();
    const names = new Set(documents.flatMap(({ name, job }) => (job.schedule === undefined ? [] : [name])));
    await this.forgetOthers(names);
    for (const document of documents) {
      const { schedule } = document.job;
      if (schedule === undefined) continue;
      try {
        await this.lookAfter(document, schedule);
      } catch (error) {
        this.around.metrics.count('scoring_scheduler_errors_total');
        this.around.log.error(
          { err: error, job: document.name },
          'a schedule could not be looked after; it is tried again',
        );
      }
    }
  }

  private async forgetOthers(names: ReadonlySet<string>): Promise<void> {
    for (const job of await this.rows.jobs(this.database)) {
      if (names.has(job)) continue;
      this.planned.delete(job);
      await this.rows.remove(this.database, job);
    }
  }

  private async lookAfter(document: ScoringJobDocument, schedule: ScoringSchedule): Promise<void> {
    const planned = await this.planOf(document, schedule);
    const now = this.around.clock.now();
    if (now >= planned.nextAt) await this.decide(document.name, planned, now);
    for (const occurrence of await this.rows.pending(this.database, document.name)) await this.submit(occurrence);
  }

  /** A schedule that was changed is in force from its change on: what it would have meant before was not missed. */
  private async planOf({ name, updatedAt }: ScoringJobDocument, schedule: ScoringSchedule): Promise<Planned> {
    const text = JSON.stringify(schedule);
    const known = this.planned.get(name);
    if (known?.text === text) return known;
    const row = await this.rows.find(this.database, name);
    const decidedUntil = row?.schedule === text ? row.decided_until : Math.max(updatedAt, row?.decided_until ?? 0);
    const planned = { text, plan: new SchedulePlan(schedule, name), decidedUntil, nextAt: 0 };
    await this.rows.write(this.database, { job: name, schedule: text, decided_until: decidedUntil });
    this.planned.set(name, planned);
    return planned;
  }

  private async decide(job: string, planned: Planned, now: number): Promise<void> {
    const { running, waiting } = await this.runs.underWay(job);
    const step = planned.plan.step({ after: planned.decidedUntil, now, running, waiting });
    const rows = step.decided.map(({ dueAt, beginsAt, action, reason }): ScoringOccurrenceRow => ({
      job,
      due_at: dueAt,
      begins_at: beginsAt,
      action,
      reason: reason ?? null,
      run_id: null,
      decided_at: now,
    }));
    if (rows.length > 0) {
      await this.database.transaction().execute(async (transaction) => {
        await this.rows.decide(transaction, rows);
        await this.rows.trim(transaction, job);
        await this.rows.write(transaction, { job, schedule: planned.text, decided_until: step.decidedUntil });
      });
      for (const { action, reason } of rows)
        this.around.metrics.count('scoring_occurrences_total', 1, { action: reason ?? action });
    }
    planned.decidedUntil = step.decidedUntil;
    // Jitter may hold one back that is due already: it is looked at again when it may begin.
    planned.nextAt = planned.plan.upcoming(step.decidedUntil, 1)[0]?.beginsAt ?? Infinity;
  }

  private async submit(occurrence: ScoringOccurrenceRow): Promise<void> {
    const { job, due_at: dueAt, action } = occurrence;
    try {
      if (action === 'replace') await this.runs.cancelAll(job);
      const run = await this.runs.submit(job, dueAt);
      await this.rows.settle(this.database, { ...occurrence, run_id: run.id });
    } catch (error) {
      if (!(error instanceof FleetError) || error.retryable) throw error;
      // It would be refused again tomorrow as today: the night is skipped, with the reason where somebody looks for it.
      this.around.metrics.count('scoring_occurrences_total', 1, { action: 'refused' });
      this.around.log.error({ err: error, job, dueAt }, 'the run that was due was refused');
      await this.rows.settle(this.database, { ...occurrence, action: 'skip', reason: error.code });
    }
  }
}
