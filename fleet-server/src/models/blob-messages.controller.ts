/** The devices' side of content: a piece that is asked for is acknowledged when it is under way, for its answer has a topic of its own. */
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { blobRequestSchema } from '@shoal/protocol';
import { UpMessages } from '../devices/up-messages.service.ts';
import { UP, type UpMessage } from '../ports/device-gateway.ts';
import { BlobDesk } from './blob-desk.service.ts';

@Controller()
export class BlobMessagesController {
  private readonly messages: UpMessages;
  private readonly desk: BlobDesk;
  constructor(messages: UpMessages, desk: BlobDesk) {
    this.messages = messages;
    this.desk = desk;
  }

  @EventPattern(UP.blob)
  async onAsk(@Payload() message: UpMessage): Promise<void> {
    const request = await this.messages.open(message, blobRequestSchema);
    if (request !== undefined) void this.desk.serve(message.deviceId, request);
  }
}
