/** Ingest: what devices publish becomes stored records. */
import { Module } from '@nestjs/common';
import { HeavyDecoder } from './heavy-decoder.ts';
import { IngestController } from './ingest.controller.ts';
import { IngestService } from './ingest.service.ts';

@Module({ controllers: [IngestController], providers: [IngestService, HeavyDecoder] })
export class IngestModule {}
