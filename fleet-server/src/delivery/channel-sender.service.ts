/** One attempt to deliver, by whatever channel; what happens is an outcome and never an exception. */
import { Injectable } from '@nestjs/common';
import type { DeliveryChannel } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import { DeviceGateway } from '../ports/device-gateway.ts';
import type { DueDelivery, Outcome } from './delivery-intent.ts';
import { MailSender } from './mail-sender.ts';
import { Surroundings } from './surroundings.service.ts';
import { postWebhook } from './webhook-request.ts';
import { WebhookSecrets } from './webhook-secrets.ts';

type Channel<T extends DeliveryChannel['type']> = Extract<DeliveryChannel, { type: T }>;

export const DEFAULT_SECRET = 'default';

@Injectable()
export class ChannelSender {
  private readonly secrets: WebhookSecrets;
  private readonly mail: MailSender;
  private readonly gateway: DeviceGateway;
  private readonly around: Surroundings;

  constructor(secrets: WebhookSecrets, mail: MailSender, gateway: DeviceGateway, around: Surroundings) {
    this.secrets = secrets;
    this.mail = mail;
    this.gateway = gateway;
    this.around = around;
  }

  async attempt(delivery: DueDelivery): Promise<Outcome> {
    try {
      return await this.send(delivery);
    } catch (error) {
      return asOutcome(error);
    }
  }

  private send(delivery: DueDelivery): Promise<Outcome> {
    const { channel } = delivery;
    switch (channel.type) {
      case 'webhook':
        return this.post(channel, delivery);
      case 'email':
        return this.mail.send({ ...delivery, to: channel.to });
      case 'mqtt':
        return this.publish(channel, delivery);
    }
  }

  private async post(
    { url, secretName = DEFAULT_SECRET }: Channel<'webhook'>,
    delivery: DueDelivery,
  ): Promise<Outcome> {
    const { allowedHosts, attemptTimeoutMs: timeoutMs } = this.around.options.delivery;
    const now = this.around.clock.now();
    const secrets = await this.secrets.signing(secretName, now);
    return postWebhook({ id: delivery.id, url, body: delivery.body, secrets }, { allowedHosts, timeoutMs }, now);
  }

  private async publish({ topic, retain }: Channel<'mqtt'>, { body }: DueDelivery): Promise<Outcome> {
    if (!this.gateway.isOpen()) {
      throw new FleetError('DELIVERY_UNREACHABLE', 'The broker of this server is not open.');
    }
    await this.gateway.publish({ topic, payload: Buffer.from(body, 'utf8'), qos: 1, retain });
    return { kind: 'delivered', status: null, answer: null };
  }
}

const asOutcome = (error: unknown): Outcome => {
  const known = error instanceof FleetError ? error : undefined;
  const fault = { code: known?.code ?? 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
  const isFinal = known !== undefined && !known.retryable;
  return { kind: 'failed', status: null, answer: null, fault, isFinal, retryAfterMs: null };
};
