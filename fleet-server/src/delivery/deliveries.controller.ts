/** /api/deliveries: what was told to the outside, how it went, and sending it again. */
import { Body, Controller, Get, HttpCode, Param, Post, Query, type StreamableFile } from '@nestjs/common';
import {
  deliveryDetailSchema,
  deliveryIdSchema,
  deliveryQuerySchema,
  deliverySchema,
  deliveryTestSchema,
  sendAgainSchema,
  type Delivery,
  type DeliveryDetail,
  type Page,
} from '@shoal/protocol';
import type { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList } from '../listing/list-answer.ts';
import { DeliveryService } from './delivery.service.ts';
import { DELIVERIES } from './listings.ts';

const querySchema = deliveryQuerySchema.strict();
const ID = { schema: deliveryIdSchema };

@Controller('api/deliveries')
export class DeliveriesController {
  private readonly deliveries: DeliveryService;
  constructor(deliveries: DeliveryService) {
    this.deliveries = deliveries;
  }

  @Get()
  list(@Query({ schema: querySchema }) query: z.output<typeof querySchema>): Promise<Page<Delivery> | StreamableFile> {
    return answerList(DELIVERIES, query, (limit, cursor) => this.deliveries.list(query, limit, cursor));
  }

  @Post()
  async test(
    @Caller() actor: Actor,
    @Body({ schema: deliveryTestSchema }) { channel }: z.output<typeof deliveryTestSchema>,
    @Exchange() { idempotencyKey, reply }: EditExchange,
  ): Promise<Delivery> {
    const delivery = await this.deliveries.test(actor, channel, idempotencyKey);
    void reply.header('location', `/api/deliveries/${delivery.id}`);
    return deliverySchema.parse(delivery);
  }

  @Get(':deliveryId')
  async show(@Param('deliveryId', ID) id: string): Promise<DeliveryDetail> {
    return deliveryDetailSchema.parse(await this.deliveries.show(id));
  }

  /** Repeated, it is the same: one that waits is attempted at once. */
  @Post(':deliveryId/send-again')
  @HttpCode(200)
  async sendAgain(
    @Caller() actor: Actor,
    @Param('deliveryId', ID) id: string,
    @Body({ schema: sendAgainSchema }) { note }: z.output<typeof sendAgainSchema>,
  ): Promise<Delivery> {
    return deliverySchema.parse(await this.deliveries.sendAgain(actor, id, note));
  }
}
