/** Answers for tickets: shows them, cancels them, runs them again. */
import { Injectable } from '@nestjs/common';
import type { Page } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import { PredictionQueue, type StoredTicket, type TicketChange, type TicketQuery } from '../ports/prediction-queue.ts';
import { PredictionProcessor } from './processor.service.ts';
import { Surroundings } from './surroundings.service.ts';
import { isFinal, queueFull } from './ticket-document.ts';
import { TicketNews } from './ticket-news.service.ts';

interface Wish {
  readonly what: string;
  /** What is wished is so. */
  readonly isAlready: (ticket: StoredTicket) => boolean;
}

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

  /** One that is canceled already stays so. @throws FleetError PREDICTION_NOT_FOUND | PREDICTION_STATE */
  async cancel(ticketId: string): Promise<StoredTicket> {
    const change = await this.queue.cancel(ticketId, this.around.clock.now());
    return this.changed(change, ticketId, { what: 'canceled', isAlready: ({ state }) => state === 'canceled' });
  }

  /** One that is open already stays so. @throws FleetError PREDICTION_NOT_FOUND | PREDICTION_STATE | PREDICTION_QUEUE_FULL */
  async retry(ticketId: string, ttlMs: number): Promise<StoredTicket> {
    const now = this.around.clock.now();
    const change = await this.queue.retry(ticketId, now, now + ttlMs);
    this.processor.wake();
    return this.changed(change, ticketId, { what: 'run again', isAlready: (ticket) => !isFinal(ticket) });
  }

  private async changed(
    change: TicketChange | undefined,
    ticketId: string,
    { what, isAlready }: Wish,
  ): Promise<StoredTicket> {
    if (change === undefined) return missing(ticketId);
    if (change.kind === 'full') throw queueFull(change.open);
    if (change.kind === 'refused') {
      if (isAlready(change.ticket)) return change.ticket;
      throw new FleetError('PREDICTION_STATE', `Ticket ${ticketId} is ${change.ticket.state} and cannot be ${what}.`);
    }
    await this.news.tell([change.ticket], 0);
    return change.ticket;
  }
}

const missing = (ticketId: string): never => {
  throw new FleetError('PREDICTION_NOT_FOUND', `No ticket "${ticketId}". List them with GET /api/predictions.`);
};
