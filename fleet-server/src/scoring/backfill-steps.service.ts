/** Goes on with backfills while nothing is due now: one day after the other becomes a run. */
import { Injectable } from '@nestjs/common';
import { isModelError } from '@shoal/models';
import { FleetError } from '../errors.ts';
import { ScoreStore } from '../ports/score-store.ts';
import { RunSubmissions } from './run-submissions.service.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class BackfillSteps {
  private readonly store: ScoreStore;
  private readonly submissions: RunSubmissions;
  private readonly around: Surroundings;

  constructor(store: ScoreStore, submissions: RunSubmissions, around: Surroundings) {
    this.store = store;
    this.submissions = submissions;
    this.around = around;
  }

  /** @returns whether there may be a run to take up now. @throws what can pass; what would be refused again ends the backfill */
  async step(): Promise<boolean> {
    const day = await this.store.nextBackfillDay(this.around.clock.now());
    if (day === undefined) return false;
    const { backfillId, definition, dueAt } = day;
    try {
      await this.submissions.submit(definition, dueAt, { id: backfillId, dueAt });
    } catch (error) {
      const refusal = error instanceof FleetError || isModelError(error) ? error : undefined;
      if (refusal === undefined || refusal.retryable) throw error;
      const { code, message } = refusal;
      this.around.log.error({ err: error, backfill: backfillId, dueAt }, 'a backfill cannot go on');
      await this.store.endBackfill({
        backfillId,
        state: 'failed',
        error: { code, message },
        now: this.around.clock.now(),
      });
    }
    return true;
  }
}
