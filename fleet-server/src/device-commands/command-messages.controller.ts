/** The devices' side of commands: outcomes in, waiting commands out when a device listens again. */
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { commandOutcomeSchema, ProtocolError } from '@shoal/protocol';
import { UpMessages } from '../devices/up-messages.service.ts';
import { UP, type ConnectionChange, type UpMessage } from '../ports/device-gateway.ts';
import { CommandDelivery } from './command-delivery.service.ts';
import { CommandProgress } from './command-progress.service.ts';

@Controller()
export class CommandMessagesController {
  private readonly messages: UpMessages;
  private readonly progress: CommandProgress;
  private readonly delivery: CommandDelivery;
  constructor(messages: UpMessages, progress: CommandProgress, delivery: CommandDelivery) {
    this.messages = messages;
    this.progress = progress;
    this.delivery = delivery;
  }

  @EventPattern(UP.command)
  async onOutcome(@Payload() message: UpMessage): Promise<void> {
    const { deviceId, topic, receivedAt } = message;
    await this.messages.accept(message, commandOutcomeSchema, async (outcome) => {
      if (topic.what !== 'command' || topic.commandId !== outcome.commandId) {
        throw new ProtocolError(
          'SCHEMA_INVALID',
          `The outcome names "${outcome.commandId}", its topic another command.`,
        );
      }
      await this.progress.report(deviceId, outcome, receivedAt);
    });
  }

  @EventPattern(UP.subscribed)
  async onSubscribed(@Payload() { deviceId }: ConnectionChange): Promise<void> {
    await this.delivery.deliverWaiting(deviceId);
  }
}
