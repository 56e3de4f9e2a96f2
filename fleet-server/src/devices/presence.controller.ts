/** The devices' side of the registry: presence, connections and the time of day, over MQTT. */
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { isRequestId, presenceSchema, ProtocolError, type BirthReply, type Presence } from '@shoal/protocol';
import { Clock } from '../ports/clock.ts';
import { UP, type ConnectionChange, type UpMessage } from '../ports/device-gateway.ts';
import { TelemetryStore } from '../ports/telemetry-store.ts';
import { PresenceService } from './presence.service.ts';
import { UpMessages } from './up-messages.service.ts';

@Controller()
export class PresenceController {
  private readonly presence: PresenceService;
  private readonly messages: UpMessages;
  private readonly telemetry: TelemetryStore;
  private readonly clock: Clock;
  constructor(presence: PresenceService, messages: UpMessages, telemetry: TelemetryStore, clock: Clock) {
    this.presence = presence;
    this.messages = messages;
    this.telemetry = telemetry;
    this.clock = clock;
  }

  @EventPattern(UP.presence)
  async onPresence(@Payload() message: UpMessage): Promise<void> {
    await this.messages.accept(message, presenceSchema, (presence) => this.takeIn(message, presence));
  }

  @EventPattern(UP.connected)
  onConnected(@Payload() change: ConnectionChange): void {
    this.presence.connected(change);
  }

  @EventPattern(UP.disconnected)
  onDisconnected(@Payload() change: ConnectionChange): void {
    this.presence.disconnected(change);
  }

  @EventPattern(UP.time)
  async onTime(@Payload() message: UpMessage): Promise<void> {
    await this.messages.answer(message, 'time', ({ deviceTime }) =>
      Promise.resolve({ deviceTime, receivedAt: message.receivedAt, sentAt: this.clock.now() }),
    );
  }

  private async takeIn(message: UpMessage, presence: Presence): Promise<void> {
    if (presence.state === 'offline') {
      this.presence.willed(message, presence);
      return;
    }
    const { connectionId: requestId, epoch } = presence;
    // The reply goes to a topic level of that name.
    if (!isRequestId(requestId)) {
      throw new ProtocolError(
        'IDENTIFIER_INVALID',
        'A connection id is 1-64 characters of A-Z, a-z, 0-9, "_" and "-".',
      );
    }
    if (!(await this.presence.born(message, presence))) return;
    const highestSequence = await this.telemetry.highestSequence(message.deviceId, epoch);
    const body: BirthReply = { v: 1, epoch, highestSequence, serverTime: this.clock.now() };
    await this.messages.reply(message.deviceId, { v: 1, requestId, outcome: 'ok', body });
  }
}
