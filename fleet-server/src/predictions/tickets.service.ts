/** Answers for tickets: shows them, cancels them, runs them again. */
import { Injectable } from '@nestjs/common';
import type { Page } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import { PredictionQueue, type StoredTicket, type TicketChange, type TicketQuery } from '../ports/prediction-queue.ts';
import { PredictionProcessor } from './processor.service.ts';
import { Surroundings } from './surroundings.service.ts';
import { queueFull } from './ticket-document.ts';
import { TicketNews } from './ticket-news.service.ts';

/** A ticket that is run again has so long. */
const DAY_MS = 86_400_000;

@Injectable()
export class TicketsService {
  private readonly queue: PredictionQueue;
  private readonly processor: PredictionProcessor;
  private readonly news: TicketNews;
  private readonly around: Surroundings;

  constructor(queue: PredictionQueue, processor: PredictionProcessor, news: TicketNews, around: Surroundings) {
    this.queue = queue;
    this.processor = processor;
    this.news = news;
    this.around = around;
  }

  /** @throws FleetError PREDICTION_NOT_FOUND */
  async show(ticketId: string): Promise<StoredTicket> {
    return (await this.queue.find(ticketId)) ?? missing(ticketId);
  }

  list(query: TicketQuery): Promise<Page<StoredTicket>> {
    return this.queue.list(query);
  }

  /** @throws FleetError PREDICTION_NOT_FOUND */
  async latest(model: string, version: string | undefined, entity: string): Promise<StoredTicket> {
    const ticket = await this.queue.latest(model, version, entity);
    if (ticket !== undefined) return ticket;
    throw new FleetError('PREDICTION_NOT_FOUND', `${model} has answered nothing about ${entity} that is still kept.`);
  }

  /** @throws FleetError PREDICTION_NOT_FOUND | PREDICTION_STATE */
  async cancel(ticketId: string): Promise<StoredTicket> {
    const change = await this.queue.cancel(ticketId, this.around.clock.now());
    return this.changed(change, ticketId, 'canceled');
  }

  /** @throws FleetError PREDICTION_NOT_FOUND | PREDICTION_STATE | PREDICTION_QUEUE_FULL */
  async retry(ticketId: string): Promise<StoredTicket> {
    const now = this.around.clock.now();
    const change = await this.queue.retry(ticketId, now, now + DAY_MS);
    this.processor.wake();
    return this.changed(change, ticketId, 'run again');
  }

  private async changed(change: TicketChange | undefined, ticketId: string, what: string): Promise<StoredTicket> {
    if (change === undefined) return missing(ticketId);
    if (change.kind === 'full') throw queueFull(change.open);
    if (change.kind === 'refused') {
      throw new FleetError('PREDICTION_STATE', `Ticket ${ticketId} is ${change.ticket.state} and cannot be ${what}.`);
    }
    await this.news.tell([change.ticket], 0);
    return change.ticket;
  }
}

const missing = (ticketId: string): never => {
  throw new FleetError('PREDICTION_NOT_FOUND', `No ticket "${ticketId}". List them with GET /api/predictions.`);
};
