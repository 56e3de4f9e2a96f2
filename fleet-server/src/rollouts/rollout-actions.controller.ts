/** POST /api/rollouts/:rolloutId/…: what people do with a rollout. */
import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import {
  rolloutIdSchema,
  rolloutRemarkSchema,
  rolloutRollbackSchema,
  rolloutSchema,
  type Rollout,
} from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { etagOf } from '../listing/conditional.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import type { Deed } from './rollout-actions.ts';
import { RolloutsService } from './rollouts.service.ts';

const ID = { schema: rolloutIdSchema };
const REMARK = { schema: rolloutRemarkSchema };
type Remark = z.output<typeof rolloutRemarkSchema>;

@Controller('api/rollouts/:rolloutId')
export class RolloutActionsController {
  private readonly rollouts: RolloutsService;
  constructor(rollouts: RolloutsService) {
    this.rollouts = rollouts;
  }

  @Post('start')
  @HttpCode(200)
  start(
    @Caller() actor: Actor,
    @Param('rolloutId', ID) id: string,
    @Body(REMARK) { note }: Remark,
    @Exchange() { reply }: EditExchange,
  ): Promise<Rollout> {
    return this.act(actor, id, { action: 'start', note, scope: 'all' }, reply);
  }

  @Post('approve')
  @HttpCode(200)
  approve(
    @Caller() actor: Actor,
    @Param('rolloutId', ID) id: string,
    @Body(REMARK) { note }: Remark,
    @Exchange() { reply }: EditExchange,
  ): Promise<Rollout> {
    return this.act(actor, id, { action: 'approve', note, scope: 'all' }, reply);
  }

  @Post('pause')
  @HttpCode(200)
  pause(
    @Caller() actor: Actor,
    @Param('rolloutId', ID) id: string,
    @Body(REMARK) { note }: Remark,
    @Exchange() { reply }: EditExchange,
  ): Promise<Rollout> {
    return this.act(actor, id, { action: 'pause', note, scope: 'all' }, reply);
  }

  @Post('halt')
  @HttpCode(200)
  halt(
    @Caller() actor: Actor,
    @Param('rolloutId', ID) id: string,
    @Body(REMARK) { note }: Remark,
    @Exchange() { reply }: EditExchange,
  ): Promise<Rollout> {
    return this.act(actor, id, { action: 'halt', note, scope: 'all' }, reply);
  }

  @Post('resume')
  @HttpCode(200)
  resume(
    @Caller() actor: Actor,
    @Param('rolloutId', ID) id: string,
    @Body(REMARK) { note }: Remark,
    @Exchange() { reply }: EditExchange,
  ): Promise<Rollout> {
    return this.act(actor, id, { action: 'resume', note, scope: 'all' }, reply);
  }

  @Post('rollback')
  @HttpCode(200)
  rollback(
    @Caller() actor: Actor,
    @Param('rolloutId', ID) id: string,
    @Body({ schema: rolloutRollbackSchema }) { note, scope }: z.output<typeof rolloutRollbackSchema>,
    @Exchange() { reply }: EditExchange,
  ): Promise<Rollout> {
    return this.act(actor, id, { action: 'rollback', note, scope }, reply);
  }

  @Post('abort')
  @HttpCode(200)
  abort(
    @Caller() actor: Actor,
    @Param('rolloutId', ID) id: string,
    @Body(REMARK) { note }: Remark,
    @Exchange() { reply }: EditExchange,
  ): Promise<Rollout> {
    return this.act(actor, id, { action: 'abort', note, scope: 'all' }, reply);
  }

  private async act(actor: Actor, id: string, deed: Omit<Deed, 'principal'>, reply: FastifyReply): Promise<Rollout> {
    const rollout = await this.rollouts.act(actor, id, deed);
    void reply.header('etag', etagOf(rollout.revision));
    return rolloutSchema.parse(rollout);
  }
}
