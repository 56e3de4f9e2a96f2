/** Holds HTTP requests until their ticket is final, so many at a time. */
import { Injectable } from '@nestjs/common';
import { PredictionQueue, type StoredTicket } from '../ports/prediction-queue.ts';
import { Surroundings } from './surroundings.service.ts';
import { isFinal } from './ticket-document.ts';
import { TicketNews } from './ticket-news.service.ts';

const MS_PER_SECOND = 1_000;

@Injectable()
export class HeldRequests {
  private readonly queue: PredictionQueue;
  private readonly news: TicketNews;
  private readonly around: Surroundings;
  private held = 0;

  constructor(queue: PredictionQueue, news: TicketNews, around: Surroundings) {
    this.queue = queue;
    this.news = news;
    this.around = around;
  }

  /** As it is when it is final, when `waitS` is over, or when the signal is aborted; at once when too many wait. */
  async whenFinal(ticket: StoredTicket, waitS: number, signal: AbortSignal): Promise<StoredTicket> {
    if (isFinal(ticket) || waitS <= 0 || this.held >= this.around.config.maxWaiting) return ticket;
    this.hold(1);
    const { promise, resolve } = Promise.withResolvers<StoredTicket | undefined>();
    const leave = this.news.waiters.add(ticket.ticketId, resolve);
    const timer = setTimeout(() => resolve(undefined), waitS * MS_PER_SECOND);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
    try {
      // It may have ended between its commit and now.
      const current = await this.queue.find(ticket.ticketId);
      if (current === undefined || isFinal(current)) return current ?? ticket;
      return (await promise) ?? (await this.queue.find(ticket.ticketId)) ?? ticket;
    } finally {
      clearTimeout(timer);
      leave();
      this.hold(-1);
    }
  }

  private hold(by: 1 | -1): void {
    this.held += by;
    this.around.metrics.gauge('predictions_waiting', this.held);
  }
}
