/** /api/rollouts: releases to devices in stages. */
import { Body, Controller, Get, HttpCode, Param, Post, Query, type StreamableFile } from '@nestjs/common';
import {
  pageQuerySchema,
  rolloutCreateSchema,
  rolloutDefinitionSchema,
  rolloutDeviceQuerySchema,
  rolloutIdSchema,
  rolloutPlanSchema,
  rolloutQuerySchema,
  rolloutSchema,
  type Page,
  type Rollout,
  type RolloutDefinition,
  type RolloutDevice,
  type RolloutEvent,
  type RolloutPlan,
} from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { etagOf } from '../listing/conditional.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList } from '../listing/list-answer.ts';
import { DEVICES, ROLLOUTS, TIMELINE } from './listings.ts';
import { RolloutCreation } from './rollout-creation.service.ts';
import { RolloutPlanner } from './rollout-plan.service.ts';
import { StartGates } from './start-gates.service.ts';
import { RolloutsService } from './rollouts.service.ts';

const querySchema = rolloutQuerySchema.strict();
const devicesSchema = rolloutDeviceQuerySchema.strict();
const pageSchema = pageQuerySchema.strict();
const ID = { schema: rolloutIdSchema };

@Controller('api/rollouts')
export class RolloutsController {
  private readonly rollouts: RolloutsService;
  private readonly creation: RolloutCreation;
  private readonly planner: RolloutPlanner;
  private readonly gates: StartGates;
  constructor(rollouts: RolloutsService, creation: RolloutCreation, planner: RolloutPlanner, gates: StartGates) {
    this.rollouts = rollouts;
    this.creation = creation;
    this.planner = planner;
    this.gates = gates;
  }

  @Get()
  list(@Query({ schema: querySchema }) query: z.output<typeof querySchema>): Promise<Page<Rollout> | StreamableFile> {
    const filter = { state: query.state, model: query.model };
    return answerList(ROLLOUTS, query, (limit, cursor) => this.rollouts.list(filter, limit, cursor));
  }

  @Post()
  async create(
    @Caller() actor: Actor,
    @Body({ schema: rolloutCreateSchema }) { start, ...definition }: z.output<typeof rolloutCreateSchema>,
    @Exchange() { idempotencyKey, reply }: EditExchange,
  ): Promise<Rollout> {
    if (start) await this.gates.beforeCreation(definition);
    const { rolloutId } = await this.creation.create(actor, { definition, isStarted: start, idempotencyKey });
    const created = await this.rollouts.show(rolloutId);
    void reply.header('location', `/api/rollouts/${created.rolloutId}`);
    return shaped(created, reply);
  }

  @Post('plan')
  @HttpCode(200)
  async plan(@Body({ schema: rolloutDefinitionSchema }) definition: RolloutDefinition): Promise<RolloutPlan> {
    return rolloutPlanSchema.parse(await this.planner.plan(definition));
  }

  @Get(':rolloutId')
  async show(@Param('rolloutId', ID) rolloutId: string, @Exchange() { reply }: EditExchange): Promise<Rollout> {
    return shaped(await this.rollouts.show(rolloutId), reply);
  }

  @Get(':rolloutId/devices')
  devices(
    @Param('rolloutId', ID) rolloutId: string,
    @Query({ schema: devicesSchema }) query: z.output<typeof devicesSchema>,
  ): Promise<Page<RolloutDevice> | StreamableFile> {
    return answerList(DEVICES, query, (limit, cursor) => this.rollouts.devices(rolloutId, query.state, limit, cursor));
  }

  @Get(':rolloutId/timeline')
  timeline(
    @Param('rolloutId', ID) rolloutId: string,
    @Query({ schema: pageSchema }) query: z.output<typeof pageSchema>,
  ): Promise<Page<RolloutEvent> | StreamableFile> {
    return answerList(TIMELINE, query, (limit, cursor) => this.rollouts.timeline(rolloutId, limit, cursor));
  }
}

const shaped = (rollout: Rollout, reply: FastifyReply): Rollout => {
  void reply.header('etag', etagOf(rollout.revision));
  return rolloutSchema.parse(rollout);
};
