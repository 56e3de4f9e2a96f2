/** Makes a run out of a job and an instant, and queues it: for whoever asks, the schedule, and the days of a backfill. */
import { Injectable } from '@nestjs/common';
import type { ScoringJob } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import { ScoreStore, type NewRun, type StoredRun } from '../ports/score-store.ts';
import { runIdOf } from './run-identity.ts';
import { RunTargets, type RunInput, type RunTarget } from './run-targets.service.ts';
import { Surroundings } from './surroundings.service.ts';

const MS_PER_SECOND = 1_000;

export interface PreparedRun extends RunTarget, RunInput {
  readonly runId: string;
  readonly asOf: number;
}

@Injectable()
export class RunSubmissions {
  private readonly store: ScoreStore;
  private readonly targets: RunTargets;
  private readonly around: Surroundings;

  constructor(store: ScoreStore, targets: RunTargets, around: Surroundings) {
    this.store = store;
    this.targets = targets;
    this.around = around;
  }

  /** `at`: the instant the run is for; absent, now. @throws FleetError SCORING_AS_OF_AHEAD, and as `RunTargets` */
  async prepare(job: ScoringJob, at: number | undefined): Promise<PreparedRun> {
    const now = this.around.clock.now();
    if (at !== undefined && at > now) {
      throw new FleetError(
        'SCORING_AS_OF_AHEAD',
        'A run is for an instant that has come; nothing is known of a later one.',
      );
    }
    const target = this.targets.resolve(job);
    const input = await this.targets.input(job, target);
    const asOf = Math.max(0, (at ?? now) - job.asOf.beforeS * MS_PER_SECOND);
    const decides = { job: job.name, digest: target.bundle.digest, asOf, input: input.input };
    return { ...target, ...input, asOf, runId: runIdOf(decides) };
  }

  /** On disk when it resolves. @throws as `prepare`, FleetError SCORE_STORE_UNAVAILABLE */
  async submit(job: ScoringJob, at: number | undefined, backfill: NewRun['backfill']): Promise<StoredRun> {
    const { runId, asOf, input, entities, columns, bundle } = await this.prepare(job, at);
    return this.store.submit({
      runId,
      job: job.name,
      model: { name: job.model.name, version: bundle.manifest.version, digest: bundle.digest },
      asOf,
      input,
      definition: job,
      columns,
      entities,
      backfill,
      createdAt: this.around.clock.now(),
    });
  }
}
