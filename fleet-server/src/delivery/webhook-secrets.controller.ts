/** /api/webhook-secrets: made here and shown once, replaced with an overlap, removed. */
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, type StreamableFile } from '@nestjs/common';
import {
  pageQuerySchema,
  webhookSecretCreateSchema,
  webhookSecretNameSchema,
  webhookSecretRotateSchema,
  webhookSecretShownSchema,
  type Page,
  type WebhookSecret,
  type WebhookSecretShown,
} from '@shoal/protocol';
import type { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList } from '../listing/list-answer.ts';
import { WEBHOOK_SECRETS } from './listings.ts';
import { WebhookSecretsService } from './webhook-secrets.service.ts';

const pageSchema = pageQuerySchema.strict();
const NAME = { schema: webhookSecretNameSchema };

@Controller('api/webhook-secrets')
export class WebhookSecretsController {
  private readonly secrets: WebhookSecretsService;
  constructor(secrets: WebhookSecretsService) {
    this.secrets = secrets;
  }

  @Get()
  list(
    @Query({ schema: pageSchema }) query: z.output<typeof pageSchema>,
  ): Promise<Page<WebhookSecret> | StreamableFile> {
    return answerList(WEBHOOK_SECRETS, query, (limit, cursor) => this.secrets.list(limit, cursor));
  }

  @Post()
  async create(
    @Caller() actor: Actor,
    @Body({ schema: webhookSecretCreateSchema }) { name }: z.output<typeof webhookSecretCreateSchema>,
    @Exchange() { idempotencyKey, reply }: EditExchange,
  ): Promise<WebhookSecretShown> {
    const shown = await this.secrets.create(actor, name, idempotencyKey);
    void reply.header('location', `/api/webhook-secrets/${name}`).header('cache-control', 'no-store');
    return webhookSecretShownSchema.parse(shown);
  }

  @Put(':secretName')
  async rotate(
    @Caller() actor: Actor,
    @Param('secretName', NAME) name: string,
    @Body({ schema: webhookSecretRotateSchema }) { keepOldMs }: z.output<typeof webhookSecretRotateSchema>,
    @Exchange() { ifMatch, reply }: EditExchange,
  ): Promise<WebhookSecretShown> {
    const shown = await this.secrets.rotate(actor, { name, keepOldMs, ifMatch });
    void reply.header('cache-control', 'no-store');
    return webhookSecretShownSchema.parse(shown);
  }

  @Delete(':secretName')
  @HttpCode(204)
  async remove(
    @Caller() actor: Actor,
    @Param('secretName', NAME) name: string,
    @Exchange() { ifMatch }: EditExchange,
  ): Promise<void> {
    await this.secrets.remove(actor, name, ifMatch);
  }
}
