/** GET /api/devices/{deviceId}/…: readings, predictions, events, series and ranges of one device. */
import { Controller, Get, Param, Query, type StreamableFile } from '@nestjs/common';
import {
  historyQuerySchema,
  seriesQuerySchema,
  type Page,
  type ReceivedRanges,
  type RecordKind,
  type Series,
  type StoredEvent,
  type StoredPrediction,
  type StoredReading,
} from '@shoal/protocol';
import type { z } from 'zod';
import { DeviceDirectory } from '../devices/device-directory.service.ts';
import { answerList, type Listing } from '../listing/list-answer.ts';
import { TelemetryStore, type StoredOf } from '../ports/telemetry-store.ts';
import { EVENTS, PREDICTIONS, READINGS } from './listings.ts';

const historySchema = historyQuerySchema.strict();
const seriesSchema = seriesQuerySchema.strict();
type History = z.output<typeof historySchema>;

@Controller('api/devices/:deviceId')
export class DeviceTelemetryController {
  private readonly telemetry: TelemetryStore;
  private readonly directory: DeviceDirectory;
  constructor(telemetry: TelemetryStore, directory: DeviceDirectory) {
    this.telemetry = telemetry;
    this.directory = directory;
  }

  @Get('readings')
  readings(
    @Param('deviceId') deviceId: string,
    @Query({ schema: historySchema }) query: History,
  ): Promise<Page<StoredReading> | StreamableFile> {
    return this.list('readings', deviceId, query, READINGS);
  }

  @Get('predictions')
  predictions(
    @Param('deviceId') deviceId: string,
    @Query({ schema: historySchema }) query: History,
  ): Promise<Page<StoredPrediction> | StreamableFile> {
    return this.list('predictions', deviceId, query, PREDICTIONS);
  }

  @Get('events')
  events(
    @Param('deviceId') deviceId: string,
    @Query({ schema: historySchema }) query: History,
  ): Promise<Page<StoredEvent> | StreamableFile> {
    return this.list('events', deviceId, query, EVENTS);
  }

  @Get('series')
  async series(
    @Param('deviceId') deviceId: string,
    @Query({ schema: seriesSchema }) query: z.output<typeof seriesSchema>,
  ): Promise<Series> {
    this.directory.show(deviceId);
    const channels = query.channels?.split(',').filter((channel) => channel !== '');
    return this.telemetry.series({ ...query, deviceId, channels });
  }

  @Get('ranges')
  async ranges(@Param('deviceId') deviceId: string): Promise<ReceivedRanges> {
    this.directory.show(deviceId);
    return this.telemetry.ranges(deviceId);
  }

  private async list<K extends RecordKind>(
    kind: K,
    deviceId: string,
    query: History,
    listing: Listing<StoredOf[K]>,
  ): Promise<Page<StoredOf[K]> | StreamableFile> {
    this.directory.show(deviceId);
    const { from, to, order } = query;
    return answerList(listing, query, (limit, cursor) =>
      this.telemetry.history({ kind, deviceId, from, to, order, limit, cursor }),
    );
  }
}
