/** GET /api/predictions/:predictionId/events: one ticket as server-sent events, until it is final. */
import { Controller, Get, Param, Res } from '@nestjs/common';
import { predictionIdSchema, predictionTicketSchema } from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import { openEventStream } from '../event-stream.ts';
import type { StoredTicket } from '../ports/prediction-queue.ts';
import { isFinal, ticketDocument } from './ticket-document.ts';
import { TicketNews } from './ticket-news.service.ts';
import { TicketsService } from './tickets.service.ts';

const HEARTBEAT_MS = 15_000;

/** JSON text has no line break, so one `data:` line holds it. */
const eventText = (ticket: StoredTicket): string =>
  `event: ticket\ndata: ${JSON.stringify(predictionTicketSchema.parse(ticketDocument(ticket)))}\n\n`;

@Controller('api/predictions')
export class TicketEventsController {
  private readonly tickets: TicketsService;
  private readonly news: TicketNews;
  constructor(tickets: TicketsService, news: TicketNews) {
    this.tickets = tickets;
    this.news = news;
  }

  @Get(':predictionId/events')
  async watch(
    @Param('predictionId', { schema: predictionIdSchema }) ticketId: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const ended = Promise.withResolvers<StoredTicket | undefined>();
    const leave = this.news.waiters.add(ticketId, ended.resolve);
    try {
      const ticket = await this.tickets.show(ticketId);
      const sink = openEventStream(reply);
      reply.raw.once('close', () => ended.resolve(undefined));
      const heart = setInterval(() => sink.write(': heartbeat\n\n'), HEARTBEAT_MS);
      sink.write(eventText(ticket));
      const last = isFinal(ticket) ? undefined : await ended.promise;
      clearInterval(heart);
      if (last !== undefined) sink.write(eventText(last));
      reply.raw.end();
    } finally {
      leave();
    }
  }
}
