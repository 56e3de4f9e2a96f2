/** Works submitted runs off, one after the other: hands each to the runner, checks what came of it, and publishes it. */
import { Injectable } from '@nestjs/common';
import { isModelError } from '@shoal/models';
import type { ScoringSummary } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import { WakeUp } from '../predictions/wake-up.ts';
import type { ScoreRunner, RunEnd, RunOrder } from '../ports/score-runner.ts';
import type { ScoreStore, RunNote, StoredRun } from '../ports/score-store.ts';
import { BackfillSteps } from './backfill-steps.service.ts';
import { carriedFrom } from './carried-from.ts';
import { publishFaults } from './publish-check.ts';
import { RunTargets } from './run-targets.service.ts';
import { ScorePorts } from './score-ports.service.ts';
import { Surroundings } from './surroundings.service.ts';

const IDLE_MS = 5_000;
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;

@Injectable()
export class RunProcessor {
  private readonly store: ScoreStore;
  private readonly runner: ScoreRunner;
  private readonly targets: RunTargets;
  private readonly backfills: BackfillSteps;
  private readonly around: Surroundings;
  private readonly due = new WakeUp();
  private working: Promise<void> = Promise.resolve();
  private isStopping = false;

  constructor({ store, runner }: ScorePorts, targets: RunTargets, backfills: BackfillSteps, around: Surroundings) {
    this.store = store;
    this.runner = runner;
    this.backfills = backfills;
    this.targets = targets;
    this.around = around;
  }

  start(): void {
    this.working = this.work();
  }

  /** What runs stops after its chunk, and goes on at the next start. */
  async stop(): Promise<void> {
    this.isStopping = true;
    this.due.wake();
    await this.runner.stop();
    await this.working;
  }

  wake(): void {
    this.due.wake();
  }

  private async work(): Promise<void> {
    let failures = 0;
    while (!this.isStopping) {
      try {
        const run = await this.store.takeUp(this.around.clock.now());
        if (run !== undefined) await this.process(run);
        else if (!(await this.backfills.step()) && !(await this.store.trim())) await this.due.rest(IDLE_MS);
        failures = 0;
      } catch (error) {
        this.around.metrics.count('scoring_errors_total');
        this.around.log.error({ err: error }, 'a scoring run could not be worked on; it is tried again');
        await this.due.rest(Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** failures));
        failures += 1;
      }
    }
  }

  private async process(run: StoredRun): Promise<void> {
    const log = this.around.log.child({ run: run.runId, job: run.job });
    log.info({ attempt: run.attempts }, 'a scoring run begins');
    const end = await this.execute(run);
    if (end.kind === 'complete') await this.settle(run, end.summary);
    else if (end.kind === 'failed')
      await this.note(run, { event: 'fail', error: { code: end.code, message: end.message } });
    else await this.note(run, { event: 'release' });
    const { state = 'removed', progress } = (await this.store.find(run.runId)) ?? {};
    this.around.metrics.count('scoring_runs_total', 1, { state });
    log.info({ state, rows: progress?.done, quarantined: progress?.quarantined }, 'a scoring run ends');
  }

  /** Faults of the order are those of the run; one that the runner did not survive is tried again as often as the job says. */
  private async execute(run: StoredRun): Promise<RunEnd> {
    try {
      return await this.runner.run(await this.orderOf(run));
    } catch (error) {
      if (isModelError(error)) return { kind: 'failed', code: error.code, message: error.message };
      const fault = error instanceof FleetError ? error : undefined;
      const mayPass = fault === undefined || fault.retryable;
      if (mayPass && (this.isStopping || run.attempts <= run.definition.retries)) {
        await this.note(run, { event: 'release' });
        throw error;
      }
      return { kind: 'failed', code: fault?.code ?? 'INTERNAL', message: fault?.message ?? String(error) };
    }
  }

  private async orderOf(run: StoredRun): Promise<RunOrder> {
    const { runNo, definition, model, asOf, input, columns, progress } = run;
    const isPlanned = progress.expected !== null;
    const target = this.targets.resolve(definition, model.version);
    return {
      runNo,
      isPlanned,
      origin: await this.targets.origin(definition, target),
      asOf,
      layout: target.layout,
      bundleFolder: target.bundle.folder,
      modelDigest: model.digest,
      input,
      columns,
      isIncremental: definition.mode === 'incremental',
      baseNo: isPlanned ? run.baseNo : carriedFrom(run, await this.publishedRun(run.job)),
      chunkRows: definition.chunkRows,
      retries: definition.retries,
      maxQuarantinedPct: definition.maxQuarantinedPct,
      canaries: definition.validation.canaries,
    };
  }

  /** Published, or failed with its scores kept: somebody may look at them and publish them all the same. */
  private async settle(run: StoredRun, summary: ScoringSummary): Promise<void> {
    await this.note(run, { event: 'complete', summary });
    // The rows of a past day are not compared with those of a fleet that has grown since.
    const { backfill } = (await this.store.find(run.runId)) ?? run;
    const previous = backfill === null ? await this.publishedRun(run.job) : undefined;
    const faults = publishFaults(summary, previous?.summary ?? null, run.definition.validation);
    if (faults.length === 0) {
      await this.store.publish(run.runId, this.around.clock.now(), backfill === null ? 'move' : 'advance');
      return;
    }
    const message = `The run is not published. ${faults.join(' ')}`;
    await this.note(run, { event: 'fail', error: { code: 'SCORING_VALIDATION_FAILED', message } });
  }

  private async publishedRun(job: string): Promise<StoredRun | undefined> {
    const published = this.store.published(job);
    return published === undefined ? undefined : this.store.find(published.runId);
  }

  /** What was paused or canceled meanwhile stays so. */
  private async note(run: StoredRun, note: Pick<RunNote, 'event' | 'summary' | 'error'>): Promise<void> {
    await this.store.note({ runId: run.runId, now: this.around.clock.now(), ...note });
  }
}
