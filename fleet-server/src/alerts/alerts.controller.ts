/** /api/alerts: what is wrong now and was, and what people do about it. */
import { Body, Controller, Get, HttpCode, Param, Post, Query, type StreamableFile } from '@nestjs/common';
import {
  alertDetailSchema,
  alertIdSchema,
  alertNoteSchema,
  alertQuerySchema,
  alertSchema,
  type Alert,
  type AlertDetail,
  type Page,
} from '@shoal/protocol';
import type { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList } from '../listing/list-answer.ts';
import { AlertStore } from '../ports/alert-store.ts';
import { AlertsService } from './alerts.service.ts';
import { ALERTS } from './listings.ts';

const querySchema = alertQuerySchema.strict();
const ID = { schema: alertIdSchema };
const NOTE = { schema: alertNoteSchema };
type Note = z.output<typeof alertNoteSchema>;

@Controller('api/alerts')
export class AlertsController {
  private readonly store: AlertStore;
  private readonly alerts: AlertsService;
  constructor(store: AlertStore, alerts: AlertsService) {
    this.store = store;
    this.alerts = alerts;
  }

  @Get()
  list(@Query({ schema: querySchema }) query: z.output<typeof querySchema>): Promise<Page<Alert> | StreamableFile> {
    return answerList(ALERTS, query, (limit, cursor) => this.store.alerts({ ...query, limit, cursor }));
  }

  @Get(':alertId')
  async show(@Param('alertId', ID) alertId: string): Promise<AlertDetail> {
    return alertDetailSchema.parse(await this.store.alert(alertId));
  }

  @Post(':alertId/acknowledge')
  @HttpCode(200)
  async acknowledge(
    @Caller() actor: Actor,
    @Param('alertId', ID) alertId: string,
    @Body(NOTE) { note }: Note,
    @Exchange() { idempotencyKey }: EditExchange,
  ): Promise<Alert> {
    return alertSchema.parse(await this.alerts.act(actor, { alertId, action: 'acknowledged', note }, idempotencyKey));
  }

  @Post(':alertId/notes')
  @HttpCode(200)
  async note(
    @Caller() actor: Actor,
    @Param('alertId', ID) alertId: string,
    @Body(NOTE) { note }: Note,
    @Exchange() { idempotencyKey }: EditExchange,
  ): Promise<Alert> {
    return alertSchema.parse(await this.alerts.act(actor, { alertId, action: 'noted', note }, idempotencyKey));
  }

  @Post(':alertId/resolve')
  @HttpCode(200)
  async resolve(
    @Caller() actor: Actor,
    @Param('alertId', ID) alertId: string,
    @Body(NOTE) { note }: Note,
    @Exchange() { idempotencyKey }: EditExchange,
  ): Promise<Alert> {
    return alertSchema.parse(await this.alerts.act(actor, { alertId, action: 'resolved', note }, idempotencyKey));
  }
}
