/** /{tenant}/controller/v1/{controllerId}: what clients of hawkBit poll, fetch and report. */
import { Body, Controller, Get, HttpCode, Ip, Param, Post, Put, Query, UseGuards } from '@nestjs/common';
import {
  ddiConfigDataSchema,
  ddiDeploymentSchema,
  ddiFeedbackSchema,
  ddiHistoryQuerySchema,
  ddiPollSchema,
  systemActionIdSchema,
  type DdiCancel,
  type DdiDeployment,
  type DdiPoll,
} from '@shoal/protocol';
import type { z } from 'zod';
import { ClientGuard } from './client.guard.ts';
import { Place } from './client-place.decorator.ts';
import { ClientWork } from './client-work.service.ts';
import { cancelDocument, deploymentDocument, pollDocument, type ClientPlace } from './ddi-documents.ts';
import { Surroundings } from './surroundings.service.ts';
import { SwitchedOnGuard } from './switched-on.guard.ts';
import { SystemTargets } from './targets.service.ts';

const ID = { schema: systemActionIdSchema };
const FEEDBACK = { schema: ddiFeedbackSchema };
type Feedback = z.output<typeof ddiFeedbackSchema>;
type History = z.output<typeof ddiHistoryQuerySchema>;

@Controller(':tenant/controller/v1/:controllerId')
@UseGuards(SwitchedOnGuard, ClientGuard)
export class DdiController {
  private readonly targets: SystemTargets;
  private readonly work: ClientWork;
  private readonly around: Surroundings;
  constructor(targets: SystemTargets, work: ClientWork, around: Surroundings) {
    this.targets = targets;
    this.work = work;
    this.around = around;
  }

  @Get()
  async poll(@Place() place: ClientPlace, @Ip() address: string): Promise<DdiPoll> {
    const target = await this.targets.polled(place.targetId, address);
    const open = await this.work.next(place.targetId);
    return ddiPollSchema.parse(pollDocument(place, target, open, this.around.config.pollSeconds));
  }

  @Put('configData')
  async configData(
    @Place() { targetId }: ClientPlace,
    @Body({ schema: ddiConfigDataSchema }) data: z.output<typeof ddiConfigDataSchema>,
  ): Promise<void> {
    await this.targets.describe(targetId, data);
  }

  @Get('deploymentBase/:actionId')
  async deployment(
    @Place() place: ClientPlace,
    @Param('actionId', ID) actionId: number,
    @Query({ schema: ddiHistoryQuerySchema }) { actionHistory }: History,
  ): Promise<DdiDeployment> {
    const { action, image } = await this.work.deployment({ targetId: place.targetId, actionId });
    return ddiDeploymentSchema.parse(
      deploymentDocument(place, action, image, await this.told(actionId, actionHistory)),
    );
  }

  @Post('deploymentBase/:actionId/feedback')
  @HttpCode(200)
  async report(
    @Place() { targetId }: ClientPlace,
    @Param('actionId', ID) actionId: number,
    @Body(FEEDBACK) feedback: Feedback,
  ): Promise<void> {
    await this.work.report({ targetId, actionId }, feedback, 'deployment');
  }

  @Get('cancelAction/:actionId')
  async cancelation(@Place() { targetId }: ClientPlace, @Param('actionId', ID) actionId: number): Promise<DdiCancel> {
    return cancelDocument(await this.work.cancellation({ targetId, actionId }));
  }

  @Post('cancelAction/:actionId/feedback')
  @HttpCode(200)
  async reportCancel(
    @Place() { targetId }: ClientPlace,
    @Param('actionId', ID) actionId: number,
    @Body(FEEDBACK) feedback: Feedback,
  ): Promise<void> {
    await this.work.report({ targetId, actionId }, feedback, 'cancel');
  }

  @Get('installedBase/:actionId')
  async installed(
    @Place() place: ClientPlace,
    @Param('actionId', ID) actionId: number,
    @Query({ schema: ddiHistoryQuerySchema }) { actionHistory }: History,
  ): Promise<DdiDeployment> {
    const { action, image } = await this.work.installed({ targetId: place.targetId, actionId });
    return ddiDeploymentSchema.parse(
      deploymentDocument(place, action, image, await this.told(actionId, actionHistory)),
    );
  }

  private async told(actionId: number, count: number): Promise<string[]> {
    if (count === 0) return [];
    const messages = await this.work.messages(actionId);
    return count < 0 ? messages : messages.slice(0, count);
  }
}
