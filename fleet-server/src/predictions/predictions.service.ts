/** Takes predictions in and answers for their tickets. */
import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { canonicalJson, ModelError } from '@shoal/models';
import type { Page, PredictionSubmit } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import { ServedModels } from '../inference/served-models.service.ts';
import {
  PredictionQueue,
  type NewTicket,
  type StoredTicket,
  type Submitted,
  type TicketChange,
  type TicketQuery,
} from '../ports/prediction-queue.ts';
import { askedInputs } from './asked-inputs.ts';
import { PredictionProcessor } from './processor.service.ts';
import { Surroundings } from './surroundings.service.ts';
import { TicketNews } from './ticket-news.service.ts';

const MS_PER_SECOND = 1_000;
const ID_BYTES = 10;
const DAY_MS = 86_400_000;

export type PredictionRequest = Omit<PredictionSubmit, 'wait'>;

@Injectable()
export class PredictionsService {
  private readonly queue: PredictionQueue;
  private readonly models: ServedModels;
  private readonly processor: PredictionProcessor;
  private readonly news: TicketNews;
  private readonly around: Surroundings;

  constructor(
    queue: PredictionQueue,
    models: ServedModels,
    processor: PredictionProcessor,
    news: TicketNews,
    around: Surroundings,
  ) {
    this.queue = queue;
    this.models = models;
    this.processor = processor;
    this.news = news;
    this.around = around;
  }

  /**
   * The ticket, on disk; or one that was there and answers it.
   * @throws FleetError IDEMPOTENCY_KEY_REUSED | PREDICTION_QUEUE_FULL | PREDICTION_QUEUE_UNAVAILABLE, ModelError MODEL_NOT_FOUND, and as `askedInputs`
   */
  async submit(request: PredictionRequest): Promise<StoredTicket> {
    const submitted = await this.queue.submit(this.ticketOf(request));
    this.around.metrics.count('predictions_submitted_total', 1, { outcome: submitted.kind });
    if (submitted.kind === 'queued') this.processor.wake();
    return settled(submitted, request);
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
    if (change.kind === 'full') throw full(change.open);
    if (change.kind === 'refused') {
      throw new FleetError('PREDICTION_STATE', `Ticket ${ticketId} is ${change.ticket.state} and cannot be ${what}.`);
    }
    await this.news.tell([change.ticket]);
    return change.ticket;
  }

  private ticketOf(request: PredictionRequest): NewTicket {
    const {
      model: name,
      version,
      entity = null,
      maxAgeS = 0,
      ttlS,
      priority,
      idempotencyKey,
      webhook = null,
    } = request;
    const model = this.models.get(name, version);
    if (model === undefined) {
      throw new ModelError('MODEL_NOT_FOUND', `There is no model ${name}${version === undefined ? '' : ` ${version}`}`);
    }
    const { bytes, isShareable } = askedInputs(request, model);
    const now = this.around.clock.now();
    return {
      ticketId: `p-${randomBytes(ID_BYTES).toString('hex')}`,
      model: name,
      version: model.manifest.version,
      entity,
      featureVersion: model.manifest.entityView?.hash ?? null,
      asked: bytes,
      isShareable,
      priority,
      createdAt: now,
      expiresAt: now + Math.ceil(ttlS * MS_PER_SECOND),
      freshSince: maxAgeS > 0 ? now - maxAgeS * MS_PER_SECOND : Infinity,
      webhook,
      key: idempotencyKey === undefined ? null : { text: idempotencyKey, digest: digestOf(request) },
    };
  }
}

const digestOf = ({ idempotencyKey: _, ...request }: PredictionRequest): string =>
  createHash('sha256').update(canonicalJson(request)).digest('hex');

const settled = (submitted: Submitted, { idempotencyKey }: PredictionRequest): StoredTicket => {
  if (submitted.kind === 'full') throw full(submitted.open);
  if (submitted.kind !== 'conflict') return submitted.ticket;
  throw new FleetError(
    'IDEMPOTENCY_KEY_REUSED',
    `Key "${idempotencyKey ?? ''}" stands for ticket ${submitted.ticketId}, which asked for something else; use a new key.`,
  );
};

const full = (open: number): FleetError =>
  new FleetError('PREDICTION_QUEUE_FULL', `${open} tickets are open; send it again when some are answered.`);

const missing = (ticketId: string): never => {
  throw new FleetError('PREDICTION_NOT_FOUND', `No ticket "${ticketId}". List them with GET /api/predictions.`);
};
