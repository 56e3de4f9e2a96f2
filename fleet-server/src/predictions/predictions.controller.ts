/** /api/predictions: ask now, fetch later. */
import { setImmediate } from 'node:timers/promises';
import { Body, Controller, Get, HttpCode, Param, Post, Query, type StreamableFile } from '@nestjs/common';
import {
  latestPredictionQuerySchema,
  predictionSubmitBatchSchema,
  predictionCancelSchema,
  predictionIdSchema,
  predictionQuerySchema,
  predictionRetrySchema,
  predictionShowQuerySchema,
  predictionSubmitSchema,
  predictionTicketSchema,
  type Page,
  type PredictionSubmitBatch,
  type PredictionSubmitBatchAnswer,
  type PredictionSubmit,
  type PredictionTicket,
} from '@shoal/protocol';
import { z } from 'zod';
import { FleetError } from '../errors.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList } from '../listing/list-answer.ts';
import { shallow } from '../listing/request-body.ts';
import { problemOf } from '../problem.filter.ts';
import type { StoredTicket } from '../ports/prediction-queue.ts';
import { HeldRequests } from './held-requests.service.ts';
import { TICKETS } from './listings.ts';
import { PredictionSubmissions, type PredictionRequest } from './submissions.service.ts';
import { Surroundings } from './surroundings.service.ts';
import { isFinal, ticketDocument, ticketPath } from './ticket-document.ts';
import { TicketsService } from './tickets.service.ts';

/** A body that may be left out. */
const orNothing = (body: unknown): unknown => body ?? {};
const submitSchema = shallow(predictionSubmitSchema);
const batchSchema = shallow(predictionSubmitBatchSchema);
const retrySchema = z.preprocess(orNothing, predictionRetrySchema);
const cancelSchema = z.preprocess(orNothing, predictionCancelSchema);
const listSchema = predictionQuerySchema.strict();
const showSchema = predictionShowQuerySchema.strict();
const latestSchema = latestPredictionQuerySchema.strict();
const ID = { schema: predictionIdSchema };
/** Requests of a batch read in one turn of the event loop. */
const ITEMS_PER_TURN = 25;
const MS_PER_SECOND = 1_000;

type BatchItem = PredictionSubmitBatchAnswer['items'][number];

@Controller('api/predictions')
export class PredictionsController {
  private readonly submissions: PredictionSubmissions;
  private readonly tickets: TicketsService;
  private readonly held: HeldRequests;
  private readonly around: Surroundings;
  constructor(submissions: PredictionSubmissions, tickets: TicketsService, held: HeldRequests, around: Surroundings) {
    this.submissions = submissions;
    this.tickets = tickets;
    this.held = held;
    this.around = around;
  }

  @Get()
  list(
    @Query({ schema: listSchema }) query: z.output<typeof listSchema>,
  ): Promise<Page<PredictionTicket> | StreamableFile> {
    const { state, model, entity, from, to, order } = query;
    return answerList(TICKETS, query, async (limit, cursor) => {
      const page = await this.tickets.list({ state, model, entity, from, to, order, limit, cursor });
      return { ...page, items: page.items.map(ticketDocument) };
    });
  }

  @Post()
  async submit(
    @Body({ schema: submitSchema }) { wait, ...request }: PredictionSubmit,
    @Exchange() exchange: EditExchange,
  ): Promise<PredictionTicket> {
    const ticket = await this.submissions.submit(withKey(request, exchange.idempotencyKey));
    return this.answer(await this.held.whenFinal(ticket, wait, leaving(exchange)), exchange);
  }

  /** A few at a time, so that others get their turn; their commits are shared. */
  @Post('batch')
  @HttpCode(200)
  async submitBatch(
    @Body({ schema: batchSchema }) { requests }: PredictionSubmitBatch,
    @Exchange() { idempotencyKey, reply }: EditExchange,
  ): Promise<PredictionSubmitBatchAnswer> {
    const items: Promise<BatchItem>[] = [];
    for (const request of requests) {
      if (items.length % ITEMS_PER_TURN === ITEMS_PER_TURN - 1) await setImmediate();
      const key = idempotencyKey === undefined ? undefined : `${idempotencyKey}.${items.length}`;
      const keyed = { ...(key !== undefined && { idempotencyKey: key }), ...request };
      items.push(this.submitItem(keyed, reply.request.id));
    }
    return { items: await Promise.all(items) };
  }

  private async submitItem(request: PredictionRequest, requestId: string): Promise<BatchItem> {
    try {
      const ticket = await this.submissions.submit(request);
      return { status: isFinal(ticket) ? 200 : 202, ticket: predictionTicketSchema.parse(ticketDocument(ticket)) };
    } catch (error) {
      const problem = problemOf(error, requestId);
      return { status: problem.status, problem };
    }
  }

  @Get('latest')
  async latest(
    @Query({ schema: latestSchema }) { model, version, entity }: z.output<typeof latestSchema>,
    @Exchange() exchange: EditExchange,
  ): Promise<PredictionTicket> {
    return this.answer(await this.tickets.latest(model, version, entity), exchange);
  }

  @Get(':predictionId')
  async show(
    @Param('predictionId', ID) ticketId: string,
    @Query({ schema: showSchema }) { wait }: z.output<typeof showSchema>,
    @Exchange() exchange: EditExchange,
  ): Promise<PredictionTicket> {
    const ticket = await this.held.whenFinal(await this.tickets.show(ticketId), wait, leaving(exchange));
    return this.document(ticket, exchange);
  }

  @Post(':predictionId/cancel')
  @HttpCode(200)
  async cancel(
    @Param('predictionId', ID) ticketId: string,
    @Body({ schema: cancelSchema }) _: object,
    @Exchange() exchange: EditExchange,
  ): Promise<PredictionTicket> {
    return this.document(await this.tickets.cancel(ticketId), exchange);
  }

  @Post(':predictionId/retry')
  async retry(
    @Param('predictionId', ID) ticketId: string,
    @Body({ schema: retrySchema }) { ttlS }: z.output<typeof predictionRetrySchema>,
    @Exchange() exchange: EditExchange,
  ): Promise<PredictionTicket> {
    return this.answer(await this.tickets.retry(ticketId, ttlS * MS_PER_SECOND), exchange);
  }

  /** 200 for what is final, else 202. */
  private answer(ticket: StoredTicket, exchange: EditExchange): PredictionTicket {
    void exchange.reply.code(isFinal(ticket) ? 200 : 202).header('location', ticketPath(ticket.ticketId));
    return this.document(ticket, exchange);
  }

  private document(ticket: StoredTicket, { reply }: EditExchange): PredictionTicket {
    const { finishedAt } = ticket;
    if (!isFinal(ticket)) void reply.header('retry-after', '1');
    else if (finishedAt !== null) {
      const age = Math.floor(Math.max(0, this.around.clock.now() - finishedAt) / MS_PER_SECOND);
      void reply.header('age', String(age));
    }
    return predictionTicketSchema.parse(ticketDocument(ticket));
  }
}

/** Aborts when the caller has left. */
const leaving = ({ reply }: EditExchange): AbortSignal => {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
};

const withKey = (request: PredictionRequest, header: string | undefined): PredictionRequest => {
  const { idempotencyKey = header } = request;
  if (header !== undefined && idempotencyKey !== header) {
    const faults = [{ path: 'idempotencyKey', message: 'differs from the header Idempotency-Key' }];
    throw new FleetError('REQUEST_INVALID', 'The body and the header name different idempotency keys.', { faults });
  }
  return idempotencyKey === undefined ? request : { ...request, idempotencyKey };
};
