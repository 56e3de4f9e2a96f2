/** Requests of the contract that this version does not serve: every request has an outcome, so these are told `unsupported`. */
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { decodeFrame, ProtocolError, requestIdSchema } from '@shoal/protocol';
import { z } from 'zod';
import { UpMessages } from '../devices/up-messages.service.ts';
import { UP, type UpMessage } from '../ports/device-gateway.ts';
import { IngestService } from './ingest.service.ts';

const requestSchema = z.object({ requestId: requestIdSchema });

@Controller()
export class UnservedRequestsController {
  private readonly messages: UpMessages;
  private readonly ingest: IngestService;
  constructor(messages: UpMessages, ingest: IngestService) {
    this.messages = messages;
    this.ingest = ingest;
  }

  @EventPattern(UP.enrolRenew)
  async onRequest(@Payload() message: UpMessage): Promise<void> {
    try {
      const { requestId } = requestSchema.parse(decodeFrame(message.payload));
      await this.messages.reply(message.deviceId, { v: 1, requestId, outcome: 'unsupported' });
    } catch (error) {
      if (!(error instanceof ProtocolError || error instanceof z.ZodError)) throw error;
      const reason = error instanceof ProtocolError ? error.code : 'SCHEMA_INVALID';
      await this.ingest.setAside({ ...message, reason, detail: error.message });
    }
  }
}
