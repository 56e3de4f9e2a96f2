/** Takes predictions in: checked against their model, and on disk before they are answered. */
import { createHash, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { canonicalJson, ModelError } from '@shoal/models';
import type { PredictionSubmit } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import { ServedModels } from '../inference/served-models.service.ts';
import { PredictionQueue, type NewTicket, type StoredTicket, type Submitted } from '../ports/prediction-queue.ts';
import { askedInputs } from './asked-inputs.ts';
import { PredictionProcessor } from './processor.service.ts';
import { Surroundings } from './surroundings.service.ts';
import { queueFull } from './ticket-document.ts';

const MS_PER_SECOND = 1_000;
const ID_DIGITS = 20;

export type PredictionRequest = Omit<PredictionSubmit, 'wait'>;

@Injectable()
export class PredictionSubmissions {
  private readonly queue: PredictionQueue;
  private readonly models: ServedModels;
  private readonly processor: PredictionProcessor;
  private readonly around: Surroundings;

  constructor(queue: PredictionQueue, models: ServedModels, processor: PredictionProcessor, around: Surroundings) {
    this.queue = queue;
    this.models = models;
    this.processor = processor;
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
    return takenIn(submitted, request);
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
      ticketId: `p-${randomUUID().replaceAll('-', '').slice(0, ID_DIGITS)}`,
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

/** Of everything that was asked but the key. */
const digestOf = (request: PredictionRequest): string => {
  const { idempotencyKey: _, ...asked } = request;
  return createHash('sha256').update(canonicalJson(asked)).digest('hex');
};

const takenIn = (submitted: Submitted, { idempotencyKey }: PredictionRequest): StoredTicket => {
  if (submitted.kind === 'full') throw queueFull(submitted.open);
  if (submitted.kind !== 'conflict') return submitted.ticket;
  throw new FleetError(
    'IDEMPOTENCY_KEY_REUSED',
    `Key "${idempotencyKey ?? ''}" stands for ticket ${submitted.ticketId}, which asked for something else; use a new key.`,
  );
};
