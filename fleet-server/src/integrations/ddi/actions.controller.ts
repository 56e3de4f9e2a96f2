/** /api/system/actions: assign an image, cancel, look how it goes. */
import { Body, Controller, Get, HttpCode, Param, Post, Query, UseGuards, type StreamableFile } from '@nestjs/common';
import {
  systemActionDetailSchema,
  systemActionIdSchema,
  systemActionQuerySchema,
  systemActionSchema,
  systemAssignmentSchema,
  systemCancelSchema,
  type Page,
  type SystemAction,
  type SystemActionDetail,
} from '@shoal/protocol';
import type { z } from 'zod';
import type { Actor } from '../../audit/actor.ts';
import { Caller } from '../../identity/principal.decorator.ts';
import { Exchange, type EditExchange } from '../../listing/exchange.decorator.ts';
import { answerList } from '../../listing/list-answer.ts';
import { SystemActions } from './actions.service.ts';
import { SYSTEM_ACTIONS } from './listings.ts';
import { SwitchedOnGuard } from './switched-on.guard.ts';

const querySchema = systemActionQuerySchema.strict();
const ID = { schema: systemActionIdSchema };

@Controller('api/system/actions')
@UseGuards(SwitchedOnGuard)
export class ActionsController {
  private readonly actions: SystemActions;
  constructor(actions: SystemActions) {
    this.actions = actions;
  }

  @Get()
  list(
    @Query({ schema: querySchema }) query: z.output<typeof querySchema>,
  ): Promise<Page<SystemAction> | StreamableFile> {
    return answerList(SYSTEM_ACTIONS, query, (limit, cursor) => this.actions.list(query, limit, cursor));
  }

  @Post()
  async assign(
    @Caller() actor: Actor,
    @Body({ schema: systemAssignmentSchema }) assignment: z.output<typeof systemAssignmentSchema>,
    @Exchange() { idempotencyKey, reply }: EditExchange,
  ): Promise<SystemAction> {
    const action = await this.actions.assign(actor, assignment, idempotencyKey);
    void reply.header('location', `/api/system/actions/${action.actionId}`);
    return systemActionSchema.parse(action);
  }

  @Get(':actionId')
  async show(@Param('actionId', ID) actionId: number): Promise<SystemActionDetail> {
    return systemActionDetailSchema.parse(await this.actions.show(actionId));
  }

  /** Repeated, it is the same. */
  @Post(':actionId/cancel')
  @HttpCode(200)
  async cancel(
    @Caller() actor: Actor,
    @Param('actionId', ID) actionId: number,
    @Body({ schema: systemCancelSchema }) cancel: z.output<typeof systemCancelSchema>,
  ): Promise<SystemAction> {
    return systemActionSchema.parse(await this.actions.cancel(actor, actionId, cancel));
  }
}
