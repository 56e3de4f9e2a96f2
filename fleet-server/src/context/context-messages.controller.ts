/** The devices' side of context: questions in, answers out. */
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { UpMessages } from '../devices/up-messages.service.ts';
import { UP, type UpMessage } from '../ports/device-gateway.ts';
import { ContextService } from './context.service.ts';

@Controller()
export class ContextMessagesController {
  private readonly messages: UpMessages;
  private readonly context: ContextService;
  constructor(messages: UpMessages, context: ContextService) {
    this.messages = messages;
    this.context = context;
  }

  @EventPattern(UP.context)
  async onAsk(@Payload() message: UpMessage): Promise<void> {
    await this.messages.answer(message, 'context', ({ keys }) => this.context.lookUp(message.deviceId, keys));
  }
}
