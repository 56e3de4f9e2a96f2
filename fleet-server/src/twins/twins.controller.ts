/** /api/devices/:deviceId/twin: desired and reported state for people and programs. */
import { Body, Controller, Get, Param, Patch } from '@nestjs/common';
import { deviceIdSchema, twinPatchSchema, twinSchema, type Twin } from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { etagOf } from '../listing/conditional.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { shallow } from '../listing/request-body.ts';
import { TwinsService } from './twins.service.ts';

const patchSchema = shallow(twinPatchSchema);

@Controller('api/devices/:deviceId/twin')
export class TwinsController {
  private readonly twins: TwinsService;
  constructor(twins: TwinsService) {
    this.twins = twins;
  }

  @Get()
  async show(
    @Param('deviceId', { schema: deviceIdSchema }) deviceId: string,
    @Exchange() { reply }: EditExchange,
  ): Promise<Twin> {
    return shaped(await this.twins.show(deviceId), reply);
  }

  @Patch()
  async patch(
    @Caller() actor: Actor,
    @Param('deviceId', { schema: deviceIdSchema }) deviceId: string,
    @Body({ schema: patchSchema }) { desired: patch, version }: z.output<typeof twinPatchSchema>,
    @Exchange() { ifMatch, reply }: EditExchange,
  ): Promise<Twin> {
    return shaped(await this.twins.patch(actor, deviceId, { patch, version, ifMatch }), reply);
  }
}

const shaped = (twin: Twin, reply: FastifyReply): Twin => {
  void reply.header('etag', etagOf(twin.version));
  return twinSchema.parse(twin);
};
