/** /api/context/fleet and /api/devices/:deviceId/context: what devices may ask the fleet about. */
import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { contextDocumentSchema, contextPutSchema, deviceIdSchema, type ContextDocument } from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { etagOf } from '../listing/conditional.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { shallow } from '../listing/request-body.ts';
import { ContextService } from './context.service.ts';

const putSchema = shallow(contextPutSchema);

@Controller('api')
export class ContextController {
  private readonly context: ContextService;
  constructor(context: ContextService) {
    this.context = context;
  }

  @Get('context/fleet')
  async showFleet(@Exchange() { reply }: EditExchange): Promise<ContextDocument> {
    return shaped(await this.context.show(null), reply);
  }

  @Put('context/fleet')
  async putFleet(
    @Caller() actor: Actor,
    @Body({ schema: putSchema }) { values }: z.output<typeof contextPutSchema>,
    @Exchange() { ifMatch, reply }: EditExchange,
  ): Promise<ContextDocument> {
    return shaped(await this.context.put(actor, null, { values, ifMatch }), reply);
  }

  @Get('devices/:deviceId/context')
  async showDevice(
    @Param('deviceId', { schema: deviceIdSchema }) deviceId: string,
    @Exchange() { reply }: EditExchange,
  ): Promise<ContextDocument> {
    return shaped(await this.context.show(deviceId), reply);
  }

  @Put('devices/:deviceId/context')
  async putDevice(
    @Caller() actor: Actor,
    @Param('deviceId', { schema: deviceIdSchema }) deviceId: string,
    @Body({ schema: putSchema }) { values }: z.output<typeof contextPutSchema>,
    @Exchange() { ifMatch, reply }: EditExchange,
  ): Promise<ContextDocument> {
    return shaped(await this.context.put(actor, deviceId, { values, ifMatch }), reply);
  }
}

const shaped = (document: ContextDocument, reply: FastifyReply): ContextDocument => {
  void reply.header('etag', etagOf(document.revision));
  return contextDocumentSchema.parse(document);
};
