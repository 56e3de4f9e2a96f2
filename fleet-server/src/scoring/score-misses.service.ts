/** What may be done about an entity that the published run has no score of: its job's model is asked now, and answers later. */
import { Injectable } from '@nestjs/common';
import { predictionSubmitSchema } from '@shoal/protocol';
import { PredictionSubmissions } from '../predictions/submissions.service.ts';
import { ScoreStore } from '../ports/score-store.ts';
import type { StoredTicket } from '../ports/prediction-queue.ts';
import { ScoringJobs } from './scoring-jobs.service.ts';

/** Reading again costs no other run of the model: an answer as young as this is the answer. */
const FRESH_S = 60;

@Injectable()
export class ScoreMisses {
  private readonly store: ScoreStore;
  private readonly jobs: ScoringJobs;
  private readonly submissions: PredictionSubmissions;

  constructor(store: ScoreStore, jobs: ScoringJobs, submissions: PredictionSubmissions) {
    this.store = store;
    this.jobs = jobs;
    this.submissions = submissions;
  }

  /**
   * The version is that of the published run, so that the answer compares with the scores of the others; before the first run that of
   * the job. @throws FleetError SCORING_JOB_NOT_FOUND, and as `PredictionSubmissions.submit`
   */
  async predict(job: string, entity: string): Promise<StoredTicket> {
    const { model } = (await this.jobs.show(job)).job;
    const published = this.store.published(job)?.model;
    const version = published?.name === model.name ? published.version : model.version;
    const asked = { model: model.name, entity, maxAgeS: FRESH_S, ...(version !== undefined && { version }) };
    return this.submissions.submit(predictionSubmitSchema.parse(asked));
  }
}
