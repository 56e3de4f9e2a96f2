/** Runs of scoring jobs: submitted, planned, ordered about, and which of them is read. */
import { Injectable } from '@nestjs/common';
import type { Page, ScoringJob, ScoringPlan } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import type { AuditService } from '../audit/audit.service.ts';
import { FleetError } from '../errors.ts';
import type { ScoreRunner } from '../ports/score-runner.ts';
import type { RunChange, RunQuery, ScoreStore, StoredRun } from '../ports/score-store.ts';
import type { RunEvent } from '../ports/scoring-states.ts';
import { isFinal } from './run-document.ts';
import { RunProcessor } from './run-processor.service.ts';
import { RunSubmissions } from './run-submissions.service.ts';
import { ScorePorts } from './score-ports.service.ts';
import { Surroundings } from './surroundings.service.ts';

const MS_PER_SECOND = 1_000;
/** Newest runs of a job that are looked through for those that have not ended. */
const OPEN_LOOKED_AT = 100;
/** As the runner cuts them. */
const CHUNKS_PER_PARTITION = 16;

export type RunOrderWord = Extract<RunEvent, 'pause' | 'resume' | 'cancel'>;
/** What is wished is so. */
const ALREADY: Readonly<Record<RunOrderWord, readonly StoredRun['state'][]>> = {
  pause: ['paused'],
  resume: ['queued', 'running', 'validating'],
  cancel: ['canceled'],
};

@Injectable()
export class ScoringRuns {
  private readonly store: ScoreStore;
  private readonly runner: ScoreRunner;
  private readonly submissions: RunSubmissions;
  private readonly processor: RunProcessor;
  private readonly audit: AuditService;
  private readonly around: Surroundings;

  constructor(
    { store, runner, audit }: ScorePorts,
    submissions: RunSubmissions,
    processor: RunProcessor,
    around: Surroundings,
  ) {
    this.store = store;
    this.runner = runner;
    this.submissions = submissions;
    this.processor = processor;
    this.audit = audit;
    this.around = around;
  }

  /**
   * On disk when it resolves. The same job, model, instant and input again is the same run: one that runs or is done is answered as it
   * is, one that failed or was canceled goes on. `at`: the instant the run is for; absent, now.
   * @throws as `RunSubmissions.submit`
   */
  async submit(job: ScoringJob, at?: number): Promise<StoredRun> {
    const run = await this.submissions.submit(job, at, null);
    this.processor.wake();
    return run;
  }

  /** Changes nothing. @throws as `submit`, and FleetError SCORING_RUNNER_LOST */
  async plan(job: ScoringJob, at?: number): Promise<ScoringPlan> {
    const { runId, asOf, input, entities, origin, bundle } = await this.submissions.prepare(job, at);
    const count = origin.kind === 'listed' ? (entities?.length ?? 0) : await this.runner.count(origin);
    const before = await this.store.lastComplete(job.name);
    const msPerRow = before === undefined ? null : before.spentMs / Math.max(1, before.progress.done);
    return {
      job: job.name,
      runId,
      isKnown: (await this.store.find(runId)) !== undefined,
      model: { name: job.model.name, version: bundle.manifest.version, digest: bundle.digest },
      asOf,
      input,
      entities: count,
      partitions: Math.max(1, Math.ceil(count / (job.chunkRows * CHUNKS_PER_PARTITION))),
      estimateS: msPerRow === null ? null : (msPerRow * count) / MS_PER_SECOND,
    };
  }

  list(query: RunQuery): Promise<Page<StoredRun>> {
    return this.store.list(query);
  }

  /** Of a job: what runs or may run yet, but for days of a backfill, which are in nobody's way. */
  async open(job: string): Promise<StoredRun[]> {
    const { items } = await this.store.list({ job, state: undefined, limit: OPEN_LOOKED_AT, cursor: undefined });
    return items.filter((run) => !isFinal(run) && run.backfill === null);
  }

  /** @throws FleetError SCORING_RUN_NOT_FOUND */
  async show(runId: string): Promise<StoredRun> {
    return (await this.store.find(runId)) ?? missing(runId);
  }

  /** @throws FleetError SCORING_RUN_NOT_FOUND | SCORING_STATE */
  async order(actor: Actor, runId: string, word: RunOrderWord): Promise<StoredRun> {
    const change = await this.store.note({ runId, event: word, now: this.around.clock.now() });
    if (change?.kind === 'refused' && ALREADY[word].includes(change.run.state)) return change.run;
    const run = changed(change, runId, `${word} it`);
    await this.write(actor, `scoring-run.${word}`, run);
    this.processor.wake();
    return run;
  }

  /**
   * Also a run whose validation failed, with `force`.
   * @throws FleetError SCORING_RUN_NOT_FOUND | SCORING_STATE
   */
  async publish(actor: Actor, job: string, runId: string, force: boolean): Promise<StoredRun> {
    const before = await this.show(runId);
    if (before.job !== job) return missing(runId);
    if (before.state === 'failed' && !force) {
      throw new FleetError(
        'SCORING_STATE',
        `Run ${runId} failed: ${before.error?.message ?? ''} Force it if you must.`,
      );
    }
    const run = changed(await this.store.publish(runId, this.around.clock.now(), 'move'), runId, 'publish it');
    await this.write(actor, 'scoring-run.published', run);
    this.processor.wake();
    return run;
  }

  /** To the run before, or to one that is named. @throws FleetError SCORING_RUN_NOT_FOUND | SCORING_STATE */
  async rollback(actor: Actor, job: string, runId: string | undefined): Promise<StoredRun> {
    const target = runId === undefined ? await this.store.previous(job) : await this.show(runId);
    if (target?.job !== job) {
      if (runId !== undefined) return missing(runId);
      throw new FleetError('SCORING_RUN_NOT_FOUND', `No run of ${job} before the published one is kept.`);
    }
    if (target.publishedAt === null) {
      throw new FleetError('SCORING_STATE', `Run ${target.runId} was never published; publish it instead.`);
    }
    const moved = await this.store.publish(target.runId, this.around.clock.now(), 'move');
    const run = changed(moved, target.runId, 'go back to it');
    await this.write(actor, 'scoring-run.rolled-back', run);
    return run;
  }

  private async write(actor: Actor, action: string, { job, runId, state }: StoredRun): Promise<void> {
    const after = { job, runId, state };
    await this.audit.change((_, record) =>
      record({ actor, action, subject: `scoring-run:${runId}`, before: null, after }),
    );
  }
}

const missing = (runId: string): never => {
  throw new FleetError('SCORING_RUN_NOT_FOUND', `No run "${runId}". List them with GET /api/scoring/runs.`);
};

const changed = (change: RunChange | undefined, runId: string, wish: string): StoredRun => {
  if (change === undefined) return missing(runId);
  if (change.kind === 'changed') return change.run;
  const { state, hasScores } = change.run;
  const what = hasScores ? `is ${state}` : `is ${state} and its scores are not kept`;
  throw new FleetError('SCORING_STATE', `Run ${runId} ${what}: one cannot ${wish}.`);
};
