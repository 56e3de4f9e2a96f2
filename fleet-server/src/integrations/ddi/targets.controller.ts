/** /api/system/targets: who polls, what they are, their tokens. */
import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Post,
  Put,
  Query,
  UseGuards,
  type StreamableFile,
} from '@nestjs/common';
import {
  systemTargetIdSchema,
  systemTargetQuerySchema,
  systemTargetRegistrationSchema,
  systemTargetSchema,
  systemTargetTokenSchema,
  type Page,
  type SystemTarget,
} from '@shoal/protocol';
import type { z } from 'zod';
import type { Actor } from '../../audit/actor.ts';
import { Caller } from '../../identity/principal.decorator.ts';
import { Exchange, type EditExchange } from '../../listing/exchange.decorator.ts';
import { answerList } from '../../listing/list-answer.ts';
import { SYSTEM_TARGETS } from './listings.ts';
import { SwitchedOnGuard } from './switched-on.guard.ts';
import { SystemTargets } from './targets.service.ts';

const querySchema = systemTargetQuerySchema.strict();
const TARGET = { schema: systemTargetIdSchema };

@Controller('api/system/targets')
@UseGuards(SwitchedOnGuard)
export class TargetsController {
  private readonly targets: SystemTargets;
  constructor(targets: SystemTargets) {
    this.targets = targets;
  }

  @Get()
  list(
    @Query({ schema: querySchema }) query: z.output<typeof querySchema>,
  ): Promise<Page<SystemTarget> | StreamableFile> {
    return answerList(SYSTEM_TARGETS, query, (limit, cursor) => this.targets.list(query, limit, cursor));
  }

  @Post()
  async add(
    @Caller() actor: Actor,
    @Body({ schema: systemTargetRegistrationSchema })
    { targetId, token }: z.output<typeof systemTargetRegistrationSchema>,
    @Exchange() { reply }: EditExchange,
  ): Promise<SystemTarget> {
    const target = await this.targets.add(actor, targetId, token);
    void reply.header('location', `/api/system/targets/${targetId}`);
    return systemTargetSchema.parse(target);
  }

  @Get(':targetId')
  async show(@Param('targetId', TARGET) targetId: string): Promise<SystemTarget> {
    return systemTargetSchema.parse(await this.targets.show(targetId));
  }

  @Delete(':targetId')
  @HttpCode(204)
  async remove(@Caller() actor: Actor, @Param('targetId', TARGET) targetId: string): Promise<void> {
    await this.targets.remove(actor, targetId);
  }

  @Put(':targetId/token')
  async putToken(
    @Caller() actor: Actor,
    @Param('targetId', TARGET) targetId: string,
    @Body({ schema: systemTargetTokenSchema }) { token }: z.output<typeof systemTargetTokenSchema>,
  ): Promise<SystemTarget> {
    return systemTargetSchema.parse(await this.targets.putToken(actor, targetId, token));
  }
}
