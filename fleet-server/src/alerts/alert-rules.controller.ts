/** /api/alert-rules: definitions, how they are doing, and dry runs. */
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, type StreamableFile } from '@nestjs/common';
import {
  alertPreviewAnswerSchema,
  alertPreviewSchema,
  alertRuleDocumentSchema,
  alertRuleNameSchema,
  alertRuleSchema,
  alertRuleStatusSchema,
  pageQuerySchema,
  type AlertPreview,
  type AlertPreviewAnswer,
  type AlertRule,
  type AlertRuleDocument,
  type AlertRuleStatus,
  type Page,
} from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { WebhookSecretsService } from '../delivery/webhook-secrets.service.ts';
import { FleetError } from '../errors.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { etagOf } from '../listing/conditional.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList } from '../listing/list-answer.ts';
import { AlertStore } from '../ports/alert-store.ts';
import { AlertRulesService } from './alert-rules.service.ts';
import { AlertsService } from './alerts.service.ts';
import { ALERT_RULES } from './listings.ts';

const pageSchema = pageQuerySchema.strict();
const NAME = { schema: alertRuleNameSchema };

@Controller('api/alert-rules')
export class AlertRulesController {
  private readonly rules: AlertRulesService;
  private readonly alerts: AlertsService;
  private readonly store: AlertStore;
  private readonly secrets: WebhookSecretsService;
  constructor(rules: AlertRulesService, alerts: AlertsService, store: AlertStore, secrets: WebhookSecretsService) {
    this.rules = rules;
    this.alerts = alerts;
    this.store = store;
    this.secrets = secrets;
  }

  @Get()
  list(
    @Query({ schema: pageSchema }) query: z.output<typeof pageSchema>,
  ): Promise<Page<AlertRuleDocument> | StreamableFile> {
    return answerList(ALERT_RULES, query, (limit, cursor) => this.rules.list(limit, cursor));
  }

  @Post()
  async create(
    @Caller() actor: Actor,
    @Body({ schema: alertRuleSchema }) rule: AlertRule,
    @Exchange() { idempotencyKey, reply }: EditExchange,
  ): Promise<AlertRuleDocument> {
    await this.secrets.requireOf(rule.notify.channels);
    const created = await this.rules.create(actor, rule, idempotencyKey);
    void reply.header('location', `/api/alert-rules/${created.name}`);
    return shaped(created, reply);
  }

  @Post('preview')
  @HttpCode(200)
  async preview(@Body({ schema: alertPreviewSchema }) preview: AlertPreview): Promise<AlertPreviewAnswer> {
    return alertPreviewAnswerSchema.parse(await this.alerts.preview(preview));
  }

  @Get(':rule')
  async show(@Param('rule', NAME) name: string, @Exchange() { reply }: EditExchange): Promise<AlertRuleDocument> {
    return shaped(await this.rules.show(name), reply);
  }

  @Put(':rule')
  async replace(
    @Caller() actor: Actor,
    @Param('rule', NAME) name: string,
    @Body({ schema: alertRuleSchema }) rule: AlertRule,
    @Exchange() { ifMatch, reply }: EditExchange,
  ): Promise<AlertRuleDocument> {
    if (rule.name !== name) {
      await this.rules.show(name);
      throw new FleetError('ALERT_RULE_INVALID', `The body is rule ${rule.name}, the path says ${name}.`);
    }
    await this.secrets.requireOf(rule.notify.channels);
    return shaped(await this.rules.replace(actor, rule, ifMatch), reply);
  }

  @Delete(':rule')
  @HttpCode(204)
  async remove(
    @Caller() actor: Actor,
    @Param('rule', NAME) name: string,
    @Exchange() { ifMatch }: EditExchange,
  ): Promise<void> {
    await this.rules.remove(actor, name, ifMatch);
  }

  @Get(':rule/status')
  async status(@Param('rule', NAME) name: string): Promise<AlertRuleStatus> {
    await this.rules.show(name);
    return alertRuleStatusSchema.parse(await this.store.status(name));
  }
}

const shaped = (document: AlertRuleDocument, reply: FastifyReply): AlertRuleDocument => {
  void reply.header('etag', etagOf(document.revision));
  return alertRuleDocumentSchema.parse(document);
};
