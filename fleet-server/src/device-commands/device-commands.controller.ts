/** /api/devices/:deviceId/commands: commands for people and programs. */
import { Body, Controller, Get, Param, Post, Query, type StreamableFile } from '@nestjs/common';
import {
  commandCreateSchema,
  deviceCommandSchema,
  deviceIdSchema,
  pageQuerySchema,
  requestIdSchema,
  type DeviceCommand,
  type Page,
} from '@shoal/protocol';
import type { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList, type Listing } from '../listing/list-answer.ts';
import { shallow } from '../listing/request-body.ts';
import { CommandLookup } from './command-lookup.service.ts';
import { DeviceCommandsService } from './device-commands.service.ts';

const createSchema = shallow(commandCreateSchema.strict());
const querySchema = pageQuerySchema.strict();

const LISTING: Listing<DeviceCommand> = {
  name: 'commands',
  item: deviceCommandSchema,
  columns: [
    { name: 'commandId', value: (command) => command.commandId },
    { name: 'deviceId', value: (command) => command.deviceId },
    { name: 'name', value: (command) => command.name },
    { name: 'state', value: (command) => command.state },
    { name: 'parameters', value: (command) => JSON.stringify(command.parameters) },
    { name: 'createdAt', value: (command) => command.createdAt },
    { name: 'createdBy', value: (command) => command.createdBy },
    { name: 'expiresAt', value: (command) => command.expiresAt },
    { name: 'sentAt', value: (command) => command.sentAt },
    { name: 'acknowledgedAt', value: (command) => command.acknowledgedAt },
    { name: 'finishedAt', value: (command) => command.finishedAt },
    { name: 'result', value: (command) => JSON.stringify(command.result) },
    { name: 'errorCode', value: (command) => command.error?.code },
    { name: 'errorMessage', value: (command) => command.error?.message },
  ],
};

@Controller('api/devices/:deviceId/commands')
export class DeviceCommandsController {
  private readonly commands: DeviceCommandsService;
  private readonly lookup: CommandLookup;
  constructor(commands: DeviceCommandsService, lookup: CommandLookup) {
    this.commands = commands;
    this.lookup = lookup;
  }

  @Get()
  list(
    @Param('deviceId', { schema: deviceIdSchema }) deviceId: string,
    @Query({ schema: querySchema }) query: z.output<typeof querySchema>,
  ): Promise<Page<DeviceCommand> | StreamableFile> {
    return answerList(LISTING, query, (limit, cursor) => this.lookup.list(deviceId, limit, cursor));
  }

  @Post()
  async create(
    @Caller() actor: Actor,
    @Param('deviceId', { schema: deviceIdSchema }) deviceId: string,
    @Body({ schema: createSchema }) { name, parameters, timeoutMs }: z.output<typeof commandCreateSchema>,
    @Exchange() { idempotencyKey, reply }: EditExchange,
  ): Promise<DeviceCommand> {
    const request = { name, parameters, timeoutMs, idempotencyKey };
    const command = await this.commands.create(actor, deviceId, request);
    void reply.header('location', `/api/devices/${deviceId}/commands/${command.commandId}`);
    return deviceCommandSchema.parse(command);
  }

  @Get(':commandId')
  async show(
    @Param('deviceId', { schema: deviceIdSchema }) deviceId: string,
    @Param('commandId', { schema: requestIdSchema }) commandId: string,
  ): Promise<DeviceCommand> {
    return deviceCommandSchema.parse(await this.lookup.show(deviceId, commandId));
  }
}
