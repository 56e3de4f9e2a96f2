/** Backfills: submitted, looked at, and given up. */
import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { BackfillDays, daysBetween } from '@shoal/models/scoring';
import type { Page, ScoringBackfillSubmit, ScoringJob } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { FleetError } from '../errors.ts';
import type { BackfillQuery, StoredBackfill } from '../ports/backfills.ts';
import { backfillIdOf } from './run-identity.ts';
import { RunProcessor } from './run-processor.service.ts';
import { RunTargets } from './run-targets.service.ts';
import { ScorePorts } from './score-ports.service.ts';
import { Surroundings } from './surroundings.service.ts';

/** Days looked up in one turn of the event loop. */
const DAYS_PER_TURN = 8;

@Injectable()
export class Backfills {
  private readonly ports: ScorePorts;
  private readonly targets: RunTargets;
  private readonly processor: RunProcessor;
  private readonly around: Surroundings;

  constructor(ports: ScorePorts, targets: RunTargets, processor: RunProcessor, around: Surroundings) {
    this.ports = ports;
    this.targets = targets;
    this.processor = processor;
    this.around = around;
  }

  /**
   * On disk when it resolves; runs when nothing else is due.
   * @throws FleetError SCORING_BACKFILL_INVALID | SCORING_AS_OF_AHEAD | SCORE_STORE_UNAVAILABLE, and as `RunTargets.resolve`
   */
  async submit(job: ScoringJob, { from, to }: ScoringBackfillSubmit): Promise<StoredBackfill> {
    const { bundle } = this.targets.resolve(job);
    const instants = await this.instantsOf(job, daysOf(job, from, to));
    const now = this.around.clock.now();
    if ((instants.at(-1) ?? 0) > now) {
      throw new FleetError('SCORING_AS_OF_AHEAD', `Day ${to} is not over for job ${job.name}; end a day before.`);
    }
    const model = { name: job.model.name, version: bundle.manifest.version, digest: bundle.digest };
    const definition = { ...job, model: { name: model.name, version: model.version } };
    const backfillId = backfillIdOf({ definition, digest: model.digest, instants });
    const backfill = { backfillId, model, from, to, instants, definition, createdAt: now };
    const submitted = await this.ports.store.submitBackfill(backfill);
    this.processor.wake();
    return submitted;
  }

  list(query: BackfillQuery): Promise<Page<StoredBackfill>> {
    return this.ports.store.listBackfills(query);
  }

  /** @throws FleetError SCORING_BACKFILL_NOT_FOUND */
  async show(backfillId: string): Promise<StoredBackfill> {
    return (await this.ports.store.findBackfill(backfillId)) ?? missing(backfillId);
  }

  /** With the run it is at; days that are done stay. @throws FleetError SCORING_BACKFILL_NOT_FOUND | SCORING_STATE */
  async cancel(actor: Actor, backfillId: string): Promise<StoredBackfill> {
    const end = { backfillId, state: 'canceled', error: null, now: this.around.clock.now() } as const;
    const change = (await this.ports.store.endBackfill(end)) ?? missing(backfillId);
    const { job, state } = change.backfill;
    if (change.kind === 'refused') {
      if (state === 'canceled') return change.backfill;
      throw new FleetError('SCORING_STATE', `Backfill ${backfillId} is ${state}: one cannot cancel it.`);
    }
    const after = { job, backfillId, state };
    await this.ports.audit.change((_, record) =>
      record({
        actor,
        action: 'scoring-backfill.cancel',
        subject: `scoring-backfill:${backfillId}`,
        before: null,
        after,
      }),
    );
    this.processor.wake();
    return change.backfill;
  }

  /** Ascending. */
  private async instantsOf({ name, schedule }: ScoringJob, days: readonly string[]): Promise<number[]> {
    const calendar = new BackfillDays(schedule);
    const instants: number[] = [];
    for (const [index, day] of days.entries()) {
      if (index % DAYS_PER_TURN === DAYS_PER_TURN - 1) await setImmediate();
      const instant = calendar.instantOf(day);
      if (instant !== undefined) instants.push(instant);
    }
    if (instants.length > 0) return instants;
    throw new FleetError('SCORING_BACKFILL_INVALID', `The schedule of ${name} is due on none of these days.`);
  }
}

const daysOf = ({ name, keepBackfilledRuns }: ScoringJob, from: string, to: string): readonly string[] => {
  const days = daysBetween(from, to);
  if (days.length <= keepBackfilledRuns) return days;
  throw new FleetError(
    'SCORING_BACKFILL_INVALID',
    `${days.length} days are more than the ${keepBackfilledRuns} that ${name} keeps; take fewer, or raise keepBackfilledRuns.`,
  );
};

const missing = (backfillId: string): never => {
  throw new FleetError(
    'SCORING_BACKFILL_NOT_FOUND',
    `No backfill "${backfillId}". List them with GET /api/scoring/backfills.`,
  );
};
