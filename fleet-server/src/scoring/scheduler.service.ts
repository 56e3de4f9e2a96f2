/**
 * Runs scoring jobs when they are due. What is decided is stored before it is done, and done again after a kill: submitting a run
 * twice gives the same run.
 */
import { Injectable } from '@nestjs/common';
import { SchedulePlan } from '@shoal/models/scoring';
import { isModelError } from '@shoal/models';
import type { ScoringJob, ScoringOccurrence, ScoringSchedule, ScoringScheduleState } from '@shoal/protocol';
import { SYSTEM } from '../audit/actor.ts';
import { ControlDatabase, type ScoringOccurrenceRow } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import { SchedulesStore } from './schedules.store.ts';
import { ScoringJobs } from './scoring-jobs.service.ts';
import { ScoringRuns } from './scoring-runs.service.ts';
import { Surroundings } from './surroundings.service.ts';

/** A night may begin so much later than its moment. */
const LOOK_EVERY_MS = 1_000;
const NEXT_SHOWN = 5;

interface Planned {
  /** JSON of the schedule the plan is of. */
  readonly text: string;
  readonly plan: SchedulePlan;
  decidedUntil: number;
  /** Nothing has to be decided before. */
  nextAt: number;
  /** There may be something that is decided and not done. */
  isPending: boolean;
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

  /** What was decided lately, and when the job is due next by the clock of now. */
  async state({ name, schedule }: ScoringJob): Promise<ScoringScheduleState> {
    const rows = await this.rows.recent(this.database, name);
    const now = this.around.clock.now();
    return {
      job: name,
      schedule: schedule ?? null,
      next: schedule === undefined ? [] : new SchedulePlan(schedule, name).upcoming(now, NEXT_SHOWN),
      recent: rows.map((row) => ({
        dueAt: row.due_at,
        beginsAt: row.begins_at,
        action: row.action as ScoringOccurrence['action'],
        reason: row.reason,
        runId: row.run_id,
        decidedAt: row.decided_at,
      })),
    };
  }

  private async lookOnce(): Promise<void> {
    try {
      const jobs = await this.jobs.all();
      await this.forgetOthers(new Set(jobs.filter(({ job }) => job.schedule !== undefined).map(({ job }) => job.name)));
      for (const { job, updatedAt } of jobs) {
        const { schedule } = job;
        if (schedule !== undefined) await this.attend(job.name, () => this.lookAfter(job, schedule, updatedAt));
      }
    } catch (error) {
      this.failed(error, undefined);
    }
  }

  /** One job that cannot be looked after keeps no other from it. */
  private async attend(job: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.failed(error, job);
    }
  }

  private failed(error: unknown, job: string | undefined): void {
    this.around.metrics.count('scoring_scheduler_errors_total');
    this.around.log.error({ err: error, job }, 'schedules could not be looked after; it is tried again');
  }

  private async forgetOthers(names: ReadonlySet<string>): Promise<void> {
    for (const job of await this.rows.jobs(this.database)) {
      if (names.has(job)) continue;
      this.planned.delete(job);
      await this.rows.remove(this.database, job);
    }
  }

  private async lookAfter(job: ScoringJob, schedule: ScoringSchedule, updatedAt: number): Promise<void> {
    const planned = await this.planOf(job.name, schedule, updatedAt);
    const now = this.around.clock.now();
    if (now >= planned.nextAt) await this.decide(job.name, planned, now);
    if (!planned.isPending) return;
    for (const occurrence of await this.rows.pending(this.database, job.name)) await this.submit(job, occurrence);
    planned.isPending = false;
  }

  /** A schedule that was changed is in force from its change on: what it would have meant before was not missed. */
  private async planOf(name: string, schedule: ScoringSchedule, updatedAt: number): Promise<Planned> {
    const text = JSON.stringify(schedule);
    const known = this.planned.get(name);
    if (known?.text === text) return known;
    const row = await this.rows.find(this.database, name);
    const decidedUntil = row?.schedule === text ? row.decided_until : Math.max(updatedAt, row?.decided_until ?? 0);
    const plan = new SchedulePlan(schedule, name);
    // What a predecessor decided and did not come to do is done first.
    const planned = { text, plan, decidedUntil, nextAt: 0, isPending: true };
    await this.rows.write(this.database, { job: name, schedule: text, decided_until: decidedUntil });
    this.planned.set(name, planned);
    return planned;
  }

  private async decide(job: string, planned: Planned, now: number): Promise<void> {
    const open = await this.runs.open(job);
    const running = open.filter(({ startedAt }) => startedAt !== null).length;
    const step = planned.plan.step({ after: planned.decidedUntil, now, running, waiting: open.length - running });
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
    planned.isPending = true;
    // Jitter may hold one back that is due already: it is looked at again when it may begin.
    planned.nextAt = planned.plan.upcoming(step.decidedUntil, 1)[0]?.beginsAt ?? Infinity;
  }

  private async submit(job: ScoringJob, occurrence: ScoringOccurrenceRow): Promise<void> {
    const { due_at: dueAt, action } = occurrence;
    try {
      if (action === 'replace')
        for (const { runId } of await this.runs.open(job.name)) await this.runs.order(SYSTEM, runId, 'cancel');
      const run = await this.runs.submit(job, dueAt);
      await this.rows.settle(this.database, { ...occurrence, run_id: run.runId });
    } catch (error) {
      const refusal = error instanceof FleetError || isModelError(error) ? error : undefined;
      if (refusal === undefined || refusal.retryable) throw error;
      // It would be refused again in an hour as now: the night is skipped, with the reason where somebody looks for it.
      this.around.metrics.count('scoring_occurrences_total', 1, { action: 'refused' });
      this.around.log.error({ err: error, job: job.name, dueAt }, 'the run that was due was refused');
      await this.rows.settle(this.database, { ...occurrence, action: 'skip', reason: refusal.code });
    }
  }
}
