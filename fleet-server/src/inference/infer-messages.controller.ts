/** The devices' side of inference: a request is acknowledged when it is under way, for its answer has a topic of its own. */
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { UpMessages } from '../devices/up-messages.service.ts';
import { UP, type UpMessage } from '../ports/device-gateway.ts';
import { InferDesk } from './infer-desk.service.ts';

@Controller()
export class InferMessagesController {
  private readonly messages: UpMessages;
  private readonly desk: InferDesk;
  constructor(messages: UpMessages, desk: InferDesk) {
    this.messages = messages;
    this.desk = desk;
  }

  @EventPattern(UP.infer)
  async onInfer(@Payload() message: UpMessage): Promise<void> {
    await this.desk.take(message);
  }

  @EventPattern(UP.inferCancel)
  async onCancel(@Payload() message: UpMessage): Promise<void> {
    await this.messages.answer(message, 'infer.cancel', async ({ cancels }) => ({
      canceled: this.desk.cancel(message.deviceId, cancels),
    }));
  }
}
