/** The devices' side of twins: reports in, desired state out. */
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { reportedTwinSchema } from '@shoal/protocol';
import { PresenceService } from '../devices/presence.service.ts';
import { UpMessages } from '../devices/up-messages.service.ts';
import { FleetError } from '../errors.ts';
import { UP, type ConnectionChange, type UpMessage } from '../ports/device-gateway.ts';
import { ReportedWriter } from './reported-writer.service.ts';
import { TwinsService } from './twins.service.ts';

@Controller()
export class TwinMessagesController {
  private readonly messages: UpMessages;
  private readonly presence: PresenceService;
  private readonly twins: TwinsService;
  private readonly writer: ReportedWriter;
  constructor(messages: UpMessages, presence: PresenceService, twins: TwinsService, writer: ReportedWriter) {
    this.messages = messages;
    this.presence = presence;
    this.twins = twins;
    this.writer = writer;
  }

  @EventPattern(UP.twin)
  async onReport(@Payload() message: UpMessage): Promise<void> {
    const { deviceId, receivedAt } = message;
    await this.messages.accept(message, reportedTwinSchema, async (report) => {
      if (!(await this.presence.isRegistered(deviceId))) {
        throw new FleetError('DEVICE_UNREGISTERED', `"${deviceId}" reported a twin before its birth.`);
      }
      await this.writer.write(deviceId, receivedAt, report);
    });
  }

  @EventPattern(UP.subscribed)
  async onSubscribed(@Payload() { deviceId }: ConnectionChange): Promise<void> {
    await this.twins.sendIfDesired(deviceId);
  }

  @EventPattern(UP.twinGet)
  async onGet(@Payload() message: UpMessage): Promise<void> {
    await this.messages.answer(message, 'twin.get', () => this.twins.desired(message.deviceId));
  }
}
