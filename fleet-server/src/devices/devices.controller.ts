/** /api/devices: the registry for people and programs. */
import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Query,
  Res,
  type StreamableFile,
} from '@nestjs/common';
import {
  deviceCreateSchema,
  deviceIdSchema,
  devicePatchSchema,
  deviceQuerySchema,
  deviceSchema,
  type Device,
  type Page,
} from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { FleetError } from '../errors.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { etagOf } from '../listing/conditional.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList, type Listing } from '../listing/list-answer.ts';
import { parseLabelFilter, type LabelTerm } from './device-labels.ts';
import { DeviceDirectory } from './device-directory.service.ts';
import { DeviceRemoval } from './device-removal.service.ts';
import { DevicesService } from './devices.service.ts';

const querySchema = deviceQuerySchema.strict();

const LISTING: Listing<Device> = {
  name: 'devices',
  item: deviceSchema,
  columns: [
    { name: 'deviceId', value: (device) => device.deviceId },
    { name: 'state', value: (device) => device.state },
    { name: 'why', value: (device) => device.why },
    { name: 'since', value: (device) => device.since },
    { name: 'labels', value: (device) => JSON.stringify(device.labels) },
    { name: 'hardwareClass', value: (device) => device.hardwareClass },
    { name: 'agentVersion', value: (device) => device.agentVersion },
    { name: 'models', value: (device) => device.models.map(({ name, version }) => `${name}@${version}`).join(' ') },
    { name: 'firstSeenAt', value: (device) => device.firstSeenAt },
    { name: 'lastSeenAt', value: (device) => device.lastSeenAt },
    { name: 'clockOffsetMs', value: (device) => device.clockOffsetMs },
    { name: 'outboxDepth', value: (device) => device.outboxDepth },
    { name: 'twinVersion', value: (device) => device.twinVersion },
    { name: 'appliedTwinVersion', value: (device) => device.appliedTwinVersion },
    { name: 'revision', value: (device) => device.revision },
  ],
};

@Controller('api/devices')
export class DevicesController {
  private readonly directory: DeviceDirectory;
  private readonly devices: DevicesService;
  private readonly removal: DeviceRemoval;
  constructor(directory: DeviceDirectory, devices: DevicesService, removal: DeviceRemoval) {
    this.directory = directory;
    this.devices = devices;
    this.removal = removal;
  }

  @Get()
  list(@Query({ schema: querySchema }) query: z.output<typeof querySchema>): Promise<Page<Device> | StreamableFile> {
    const filter = { state: query.state, search: query.search, labels: labelTerms(query.labels) };
    return answerList(LISTING, query, async (limit, cursor) => this.directory.list(filter, limit, cursor));
  }

  @Post()
  async create(
    @Caller() actor: Actor,
    @Body({ schema: deviceCreateSchema }) body: z.output<typeof deviceCreateSchema>,
    @Exchange() { idempotencyKey, reply }: EditExchange,
  ): Promise<Device> {
    const device = await this.devices.register(actor, { ...body, idempotencyKey });
    void reply.header('location', `/api/devices/${device.deviceId}`);
    return shaped(device, reply);
  }

  @Get(':deviceId')
  show(
    @Param('deviceId', { schema: deviceIdSchema }) deviceId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Device {
    return shaped(this.directory.show(deviceId), reply);
  }

  @Patch(':deviceId')
  async label(
    @Caller() actor: Actor,
    @Param('deviceId', { schema: deviceIdSchema }) deviceId: string,
    @Body({ schema: devicePatchSchema }) patch: z.output<typeof devicePatchSchema>,
    @Exchange() { ifMatch, reply }: EditExchange,
  ): Promise<Device> {
    return shaped(await this.devices.label(actor, deviceId, { patch: patch.labels ?? {}, ifMatch }), reply);
  }

  @Delete(':deviceId')
  @HttpCode(204)
  async remove(
    @Caller() actor: Actor,
    @Param('deviceId', { schema: deviceIdSchema }) deviceId: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    await this.removal.remove(actor, deviceId, ifMatch);
  }
}

const shaped = (device: Device, reply: FastifyReply): Device => {
  void reply.header('etag', etagOf(device.revision));
  return deviceSchema.parse(device);
};

const labelTerms = (filter: string | undefined): readonly LabelTerm[] => {
  const terms = filter === undefined ? [] : parseLabelFilter(filter);
  if (terms) return terms;
  const faults = [{ path: 'labels', message: 'expected key=value or key, several separated by commas' }];
  throw new FleetError('REQUEST_INVALID', 'The label filter has a term without a key.', { faults });
};
