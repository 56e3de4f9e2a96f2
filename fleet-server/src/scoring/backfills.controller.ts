/** /api/scoring/backfills: a job over past days. */
import { Body, Controller, Get, HttpCode, Param, Post, Query, type StreamableFile } from '@nestjs/common';
import {
  scoringBackfillIdSchema,
  scoringBackfillQuerySchema,
  scoringBackfillSchema,
  scoringBackfillSubmitSchema,
  scoringJobNameSchema,
  scoringOrderSchema,
  type Page,
  type ScoringBackfill,
  type ScoringBackfillSubmit,
} from '@shoal/protocol';
import { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList } from '../listing/list-answer.ts';
import type { StoredBackfill } from '../ports/backfills.ts';
import { Backfills } from './backfills.service.ts';
import { BACKFILLS } from './listings.ts';
import { backfillDocument } from './run-document.ts';
import { ScoringJobs } from './scoring-jobs.service.ts';

const orderSchema = z.preprocess((body: unknown) => body ?? {}, scoringOrderSchema);
const querySchema = scoringBackfillQuerySchema.strict();
const ID = { schema: scoringBackfillIdSchema };

const document = (backfill: StoredBackfill): ScoringBackfill => scoringBackfillSchema.parse(backfillDocument(backfill));

@Controller('api/scoring')
export class BackfillsController {
  private readonly jobs: ScoringJobs;
  private readonly backfills: Backfills;
  constructor(jobs: ScoringJobs, backfills: Backfills) {
    this.jobs = jobs;
    this.backfills = backfills;
  }

  @Post('jobs/:job/backfills')
  @HttpCode(202)
  async submit(
    @Param('job', { schema: scoringJobNameSchema }) name: string,
    @Body({ schema: scoringBackfillSubmitSchema }) days: ScoringBackfillSubmit,
    @Exchange() { reply }: EditExchange,
  ): Promise<ScoringBackfill> {
    const { job } = await this.jobs.show(name);
    const backfill = document(await this.backfills.submit(job, days));
    void reply.header('location', `/api/scoring/backfills/${backfill.id}`);
    return backfill;
  }

  @Get('backfills')
  list(
    @Query({ schema: querySchema }) query: z.output<typeof querySchema>,
  ): Promise<Page<ScoringBackfill> | StreamableFile> {
    return answerList(BACKFILLS, query, async (limit, cursor) => {
      const page = await this.backfills.list({ job: query.job, limit, cursor });
      return { ...page, items: page.items.map(backfillDocument) };
    });
  }

  @Get('backfills/:backfillId')
  async show(@Param('backfillId', ID) backfillId: string): Promise<ScoringBackfill> {
    return document(await this.backfills.show(backfillId));
  }

  @Post('backfills/:backfillId/cancel')
  @HttpCode(200)
  async cancel(
    @Body({ schema: orderSchema }) _: object,
    @Caller() actor: Actor,
    @Param('backfillId', ID) backfillId: string,
  ): Promise<ScoringBackfill> {
    return document(await this.backfills.cancel(actor, backfillId));
  }
}
