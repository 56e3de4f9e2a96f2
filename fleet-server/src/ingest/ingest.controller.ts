/** The devices' side of ingest: the promise of each handler is the acknowledgement. */
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { UP, type RefusedMessage, type UpMessage } from '../ports/device-gateway.ts';
import { IngestService } from './ingest.service.ts';

@Controller()
export class IngestController {
  private readonly ingest: IngestService;
  constructor(ingest: IngestService) {
    this.ingest = ingest;
  }

  @EventPattern(UP.records, { batch: true })
  async onRecords(@Payload() messages: readonly UpMessage[]): Promise<readonly number[]> {
    return this.ingest.accept(messages);
  }

  @EventPattern(UP.refused)
  async onRefused(@Payload() message: RefusedMessage): Promise<void> {
    await this.ingest.setAside(message);
  }
}
