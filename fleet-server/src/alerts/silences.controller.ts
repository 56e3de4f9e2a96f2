/** /api/silences: alerts that are kept and told nobody, until an instant. */
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, type StreamableFile } from '@nestjs/common';
import {
  pageQuerySchema,
  silenceCreateSchema,
  silenceIdSchema,
  silenceSchema,
  type Page,
  type Silence,
  type SilenceCreate,
} from '@shoal/protocol';
import type { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList } from '../listing/list-answer.ts';
import { AlertsService } from './alerts.service.ts';
import { SILENCES } from './listings.ts';

const pageSchema = pageQuerySchema.strict();

@Controller('api/silences')
export class SilencesController {
  private readonly alerts: AlertsService;
  constructor(alerts: AlertsService) {
    this.alerts = alerts;
  }

  @Get()
  list(@Query({ schema: pageSchema }) query: z.output<typeof pageSchema>): Promise<Page<Silence> | StreamableFile> {
    return answerList(SILENCES, query, (limit, cursor) => this.alerts.silences(limit, cursor));
  }

  @Post()
  async create(
    @Caller() actor: Actor,
    @Body({ schema: silenceCreateSchema }) create: SilenceCreate,
    @Exchange() { idempotencyKey, reply }: EditExchange,
  ): Promise<Silence> {
    const silence = await this.alerts.silence(actor, create, idempotencyKey);
    void reply.header('location', `/api/silences/${silence.silenceId}`);
    return silenceSchema.parse(silence);
  }

  @Delete(':silenceId')
  @HttpCode(204)
  async end(
    @Caller() actor: Actor,
    @Param('silenceId', { schema: silenceIdSchema }) silenceId: string,
    @Exchange() { ifMatch }: EditExchange,
  ): Promise<void> {
    await this.alerts.endSilence(actor, silenceId, ifMatch);
  }
}
