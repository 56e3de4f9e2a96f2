/** Hands what webhooks are to be told to the deliveries, which are durable too: none is forgotten, and the same id is sent once. */
import { Injectable } from '@nestjs/common';
import type { JsonObject } from '@shoal/protocol';
import type { DeliveryIntent } from '../delivery/delivery-intent.ts';
import { DeliveryService } from '../delivery/delivery.service.ts';
import { PredictionQueue, type Untold } from '../ports/prediction-queue.ts';
import { Surroundings } from './surroundings.service.ts';
import { ticketDocument } from './ticket-document.ts';
import { WakeUp } from './wake-up.ts';

const RETRY_MS = 1_000;
/** Nobody is late: there is a wake-up for everything new. */
const IDLE_MS = 60_000;

@Injectable()
export class WebhookHandover {
  private readonly queue: PredictionQueue;
  private readonly deliveries: DeliveryService;
  private readonly around: Surroundings;
  private readonly wakeUp = new WakeUp();
  private isStopping = false;
  private running: Promise<void> = Promise.resolve();

  constructor(queue: PredictionQueue, deliveries: DeliveryService, around: Surroundings) {
    this.queue = queue;
    this.deliveries = deliveries;
    this.around = around;
  }

  /** Begins with what a killed predecessor left. */
  start(): void {
    this.running = this.work();
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    this.wakeUp.wake();
    await this.running;
  }

  wake(): void {
    this.wakeUp.wake();
  }

  private async work(): Promise<void> {
    while (!this.isStopping) {
      const restMs = await this.handOver().catch((error: unknown) => {
        this.around.metrics.count('prediction_handover_errors_total');
        this.around.log.warn({ err: error }, 'webhooks of predictions could not be handed over; it is tried again');
        return RETRY_MS;
      });
      await this.wakeUp.rest(restMs);
    }
  }

  /** @returns milliseconds to rest */
  private async handOver(): Promise<number> {
    const untold = await this.queue.untold();
    if (untold.length === 0) return IDLE_MS;
    await this.deliveries.hand(untold.map(intentOf));
    await this.queue.told(untold.map(({ intentId }) => intentId));
    return 0;
  }
}

const intentOf = ({ intentId, webhook, ticket }: Untold): DeliveryIntent => {
  const type = `prediction.${ticket.state}`;
  const timestamp = new Date(ticket.finishedAt ?? ticket.createdAt).toISOString();
  const data = ticketDocument(ticket) as unknown as JsonObject;
  return {
    id: intentId,
    channel: { type: 'webhook', ...webhook },
    subject: type,
    body: { type, timestamp, data },
    source: { kind: 'prediction', id: ticket.ticketId },
  };
};
