/** /api/backtests: a candidate beside the model in force, over stored data. */
import { Body, Controller, Get, HttpCode, Param, Post, Query, Res, type StreamableFile } from '@nestjs/common';
import {
  backtestCreateSchema,
  backtestIdSchema,
  backtestOrderSchema,
  backtestQuerySchema,
  backtestSchema,
  type Backtest,
  type BacktestCreate,
  type Page,
} from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList } from '../listing/list-answer.ts';
import { REPORT_HEADERS } from '../scoring/report/page-parts.ts';
import { BacktestCreation } from './backtest-creation.service.ts';
import { Backtests } from './backtests.service.ts';
import { BACKTESTS } from './listings.ts';
import { backtestPage } from './report/backtest-page.ts';

const querySchema = backtestQuerySchema.strict();
const orderSchema = z.preprocess((body: unknown) => body ?? {}, backtestOrderSchema);
const ID = { schema: backtestIdSchema };

@Controller('api/backtests')
export class BacktestsController {
  private readonly backtests: Backtests;
  private readonly creation: BacktestCreation;
  constructor(backtests: Backtests, creation: BacktestCreation) {
    this.backtests = backtests;
    this.creation = creation;
  }

  @Get()
  list(@Query({ schema: querySchema }) query: z.output<typeof querySchema>): Promise<Page<Backtest> | StreamableFile> {
    const filter = { model: query.model, state: query.state };
    return answerList(BACKTESTS, query, (limit, cursor) => this.backtests.list(filter, limit, cursor));
  }

  @Post()
  @HttpCode(202)
  async create(
    @Caller() actor: Actor,
    @Body({ schema: backtestCreateSchema }) asked: BacktestCreate,
    @Exchange() { idempotencyKey, reply }: EditExchange,
  ): Promise<Backtest> {
    const { backtestId } = await this.creation.create(actor, asked, idempotencyKey);
    void reply.header('location', `/api/backtests/${backtestId}`);
    return this.show(backtestId);
  }

  @Get(':backtestId')
  async show(@Param('backtestId', ID) backtestId: string): Promise<Backtest> {
    return backtestSchema.parse(await this.backtests.show(backtestId));
  }

  @Get(':backtestId/report')
  async report(
    @Param('backtestId', ID) backtestId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const report = await this.backtests.report(backtestId);
    void reply.headers(REPORT_HEADERS);
    return backtestPage(report);
  }

  @Post(':backtestId/cancel')
  @HttpCode(200)
  async cancel(
    @Caller() actor: Actor,
    @Param('backtestId', ID) backtestId: string,
    @Body({ schema: orderSchema }) { note }: z.output<typeof orderSchema>,
  ): Promise<Backtest> {
    return backtestSchema.parse(await this.backtests.cancel(actor, backtestId, note));
  }
}
