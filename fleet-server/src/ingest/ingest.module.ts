/** Ingest: what devices publish becomes stored records. */
import { Module } from '@nestjs/common';
import { DevicesModule } from '../devices/devices.module.ts';
import { HeavyDecoder } from './heavy-decoder.service.ts';
import { IngestController } from './ingest.controller.ts';
import { IngestService } from './ingest.service.ts';
import { UnservedRequestsController } from './unserved-requests.controller.ts';

@Module({
  imports: [DevicesModule],
  controllers: [IngestController, UnservedRequestsController],
  providers: [IngestService, HeavyDecoder],
})
export class IngestModule {}
