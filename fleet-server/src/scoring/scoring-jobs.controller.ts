/** /api/scoring/jobs: definitions, and what is done with a job as a whole. */
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, type StreamableFile } from '@nestjs/common';
import {
  pageQuerySchema,
  scoringJobDocumentSchema,
  scoringJobNameSchema,
  scoringJobSchema,
  scoringPlanSchema,
  scoringPublishSchema,
  scoringRollbackSchema,
  scoringRunSchema,
  scoringSubmitSchema,
  type Page,
  type ScoringJob,
  type ScoringJobDocument,
  type ScoringPlan,
  type ScoringPublish,
  type ScoringRun,
  type ScoringSubmit,
} from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { FleetError } from '../errors.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { etagOf } from '../listing/conditional.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList } from '../listing/list-answer.ts';
import { JOBS } from './listings.ts';
import { runDocument } from './run-document.ts';
import { ScoringJobs } from './scoring-jobs.service.ts';
import { ScoringRuns } from './scoring-runs.service.ts';

/** A body that may be left out. */
const orNothing = (body: unknown): unknown => body ?? {};
const pageSchema = pageQuerySchema.strict();
const submitSchema = z.preprocess(orNothing, scoringSubmitSchema);
const rollbackSchema = z.preprocess(orNothing, scoringRollbackSchema);
const NAME = { schema: scoringJobNameSchema };

@Controller('api/scoring/jobs')
export class ScoringJobsController {
  private readonly jobs: ScoringJobs;
  private readonly runs: ScoringRuns;
  constructor(jobs: ScoringJobs, runs: ScoringRuns) {
    this.jobs = jobs;
    this.runs = runs;
  }

  @Get()
  list(
    @Query({ schema: pageSchema }) query: z.output<typeof pageSchema>,
  ): Promise<Page<ScoringJobDocument> | StreamableFile> {
    return answerList(JOBS, query, (limit, cursor) => this.jobs.list(limit, cursor));
  }

  @Post()
  async create(
    @Caller() actor: Actor,
    @Body({ schema: scoringJobSchema }) job: ScoringJob,
    @Exchange() { idempotencyKey, reply }: EditExchange,
  ): Promise<ScoringJobDocument> {
    const created = await this.jobs.create(actor, job, idempotencyKey);
    void reply.header('location', `/api/scoring/jobs/${created.name}`);
    return shaped(created, reply);
  }

  @Get(':job')
  async show(@Param('job', NAME) name: string, @Exchange() { reply }: EditExchange): Promise<ScoringJobDocument> {
    return shaped(await this.jobs.show(name), reply);
  }

  @Put(':job')
  async replace(
    @Caller() actor: Actor,
    @Param('job', NAME) name: string,
    @Body({ schema: scoringJobSchema }) job: ScoringJob,
    @Exchange() { ifMatch, reply }: EditExchange,
  ): Promise<ScoringJobDocument> {
    if (job.name !== name) {
      await this.jobs.show(name);
      throw new FleetError('SCORING_JOB_INVALID', `The body is job ${job.name}, the path says ${name}.`);
    }
    return shaped(await this.jobs.replace(actor, job, ifMatch), reply);
  }

  @Delete(':job')
  @HttpCode(204)
  async remove(
    @Caller() actor: Actor,
    @Param('job', NAME) name: string,
    @Exchange() { ifMatch }: EditExchange,
  ): Promise<void> {
    await this.jobs.remove(actor, name, ifMatch);
  }

  @Post(':job/plan')
  @HttpCode(200)
  async plan(
    @Param('job', NAME) name: string,
    @Body({ schema: submitSchema }) { asOf }: ScoringSubmit,
  ): Promise<ScoringPlan> {
    const { job } = await this.jobs.show(name);
    return scoringPlanSchema.parse(await this.runs.plan(job, asOf));
  }

  @Post(':job/runs')
  @HttpCode(202)
  async submit(
    @Param('job', NAME) name: string,
    @Body({ schema: submitSchema }) { asOf }: ScoringSubmit,
  ): Promise<ScoringRun> {
    const { job } = await this.jobs.show(name);
    return scoringRunSchema.parse(runDocument(await this.runs.submit(job, asOf)));
  }

  @Post(':job/publish')
  @HttpCode(200)
  async publish(
    @Caller() actor: Actor,
    @Param('job', NAME) name: string,
    @Body({ schema: scoringPublishSchema }) { runId, force }: ScoringPublish,
  ): Promise<ScoringRun> {
    await this.jobs.show(name);
    return scoringRunSchema.parse(runDocument(await this.runs.publish(actor, name, runId, force)));
  }

  @Post(':job/rollback')
  @HttpCode(200)
  async rollback(
    @Caller() actor: Actor,
    @Param('job', NAME) name: string,
    @Body({ schema: rollbackSchema }) { runId }: z.output<typeof scoringRollbackSchema>,
  ): Promise<ScoringRun> {
    await this.jobs.show(name);
    return scoringRunSchema.parse(runDocument(await this.runs.rollback(actor, name, runId)));
  }
}

const shaped = (document: ScoringJobDocument, reply: FastifyReply): ScoringJobDocument => {
  void reply.header('etag', etagOf(document.revision));
  return scoringJobDocumentSchema.parse(document);
};
