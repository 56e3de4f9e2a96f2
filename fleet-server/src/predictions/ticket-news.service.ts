/** Tells what became of tickets, after commit: to requests that are held for them, on MQTT, to the live feed and to webhooks. */
import { Injectable } from '@nestjs/common';
import { topics, type PredictionTicket } from '@shoal/protocol';
import { DeviceGateway } from '../ports/device-gateway.ts';
import { MessageBus } from '../ports/message-bus.ts';
import type { StoredTicket } from '../ports/prediction-queue.ts';
import { Surroundings } from './surroundings.service.ts';
import { isFinal, ticketDocument } from './ticket-document.ts';
import { Waiters } from './waiters.ts';
import { WebhookHandover } from './webhook-handover.service.ts';

/** Tickets that may wait to be told on MQTT; above it whoever tells more waits too. */
const MAX_WAITING = 1_000;
const MS_PER_SECOND = 1_000;

@Injectable()
export class TicketNews {
  readonly waiters = new Waiters<StoredTicket>();
  private readonly gateway: DeviceGateway;
  private readonly bus: MessageBus;
  private readonly webhooks: WebhookHandover;
  private readonly around: Surroundings;
  private waiting = 0;
  private publishing: Promise<void> = Promise.resolve();

  constructor(gateway: DeviceGateway, bus: MessageBus, webhooks: WebhookHandover, around: Surroundings) {
    this.gateway = gateway;
    this.bus = bus;
    this.webhooks = webhooks;
    this.around = around;
  }

  /** Each change once: what nobody hears now is in the queue. `untold`: what is to be told to webhooks. Never rejects. */
  async tell(tickets: readonly StoredTicket[], untold: number): Promise<void> {
    if (untold > 0) this.webhooks.wake();
    if (tickets.length === 0) return;
    for (const ticket of tickets) {
      this.count(ticket);
      this.waiters.tell(ticket.ticketId, ticket);
    }
    const documents = tickets.map(ticketDocument);
    this.bus.emit('prediction.changed', { tickets: documents });
    if (!this.gateway.isOpen() || !this.gateway.hasPublicSubscribers()) return;
    this.waiting += documents.length;
    this.publishing = this.publishing.then(() => this.publishAll(documents));
    if (this.waiting > MAX_WAITING) await this.publishing;
  }

  /** Resolves when everything is told. */
  idle(): Promise<void> {
    return this.publishing;
  }

  private async publishAll(documents: readonly PredictionTicket[]): Promise<void> {
    for (const document of documents) await this.publish(document);
    this.waiting -= documents.length;
  }

  private count(ticket: StoredTicket): void {
    const { state, createdAt, finishedAt } = ticket;
    if (!isFinal(ticket)) return;
    this.around.metrics.count('predictions_finished_total', 1, { state });
    this.around.metrics.observe(
      'prediction_seconds',
      Math.max(0, (finishedAt ?? createdAt) - createdAt) / MS_PER_SECOND,
    );
  }

  private async publish(document: PredictionTicket): Promise<void> {
    const payload = Buffer.from(JSON.stringify(document), 'utf8');
    const topic = topics.prediction(document.model, document.id);
    try {
      await this.gateway.publish({ topic, payload, qos: 1, retain: false });
    } catch (error) {
      this.around.metrics.count('prediction_messages_dropped_total');
      this.around.log.warn({ err: error, ticket: document.id }, 'a ticket could not be told on MQTT');
    }
  }
}
