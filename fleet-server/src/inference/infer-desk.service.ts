/** Inference for devices over MQTT: takes a request in, lets it run beside everything else, and answers on its reply topic. */
import { Injectable } from '@nestjs/common';
import {
  answerInferRequest,
  encodingsOf,
  inferOptions,
  isModelError,
  ModelError,
  namedFault,
  PRIORITIES,
  type InferOptions,
} from '@shoal/models';
import {
  encodeInferFrame,
  ProtocolError,
  topics,
  type InferResponse,
  type JsonObject,
  type Reply,
} from '@shoal/protocol';
import { UpMessages } from '../devices/up-messages.service.ts';
import { DeviceGateway, type UpMessage } from '../ports/device-gateway.ts';
import { openInferMessage, readInferMessage, requestIdIn, type InferMessage } from './infer-message.ts';
import type { ModelVersion } from './model-version.ts';
import { ServedModels } from './served-models.service.ts';
import { ShedHint } from './shed-hint.ts';
import { Surroundings } from './surroundings.service.ts';

/** Requests under way, of one device and of all. */
const MAX_OF_DEVICE = 64;
const MAX_OF_ALL = 4_096;
/** An answer is sent so long after its deadline, for the device keeps it as a hard example. */
const LATE_MS = 60_000;
const BUSY: ReadonlySet<string> = new Set(['QUEUE_FULL', 'ENGINE_BUSY', 'DEADLINE_UNMEETABLE']);

@Injectable()
export class InferDesk {
  private readonly around: Surroundings;
  private readonly messages: UpMessages;
  private readonly gateway: DeviceGateway;
  private readonly models: ServedModels;
  private readonly shed: ShedHint;
  /** By device and request id. */
  private readonly open = new Map<string, AbortController>();
  /** Of each device that has any. */
  private readonly openOf = new Map<string, number>();

  constructor(around: Surroundings, messages: UpMessages, gateway: DeviceGateway, models: ServedModels) {
    this.around = around;
    this.messages = messages;
    this.gateway = gateway;
    this.models = models;
    this.shed = new ShedHint(() => around.clock.now());
  }

  /** Resolves, which acknowledges the message, when the request is under way, refused, or set aside. */
  async take(message: UpMessage): Promise<void> {
    let requestId: string | undefined;
    try {
      const parts = openInferMessage(message.payload);
      requestId = requestIdIn(parts);
      const read = await readInferMessage(parts, this.around.codec);
      if (!this.open.has(keyOf(message.deviceId, read.requestId))) void this.serve(message, read);
    } catch (error) {
      if (error instanceof ProtocolError) {
        await this.messages.refuse(message, error, requestId);
        this.count('refused');
      } else if (requestId !== undefined && isModelError(error)) await this.fail(message, { requestId }, { error });
      else throw error;
    }
  }

  /** @returns whether it waited or ran */
  cancel(deviceId: string, requestId: string): boolean {
    const open = this.open.get(keyOf(deviceId, requestId));
    open?.abort();
    return open !== undefined;
  }

  /** Never rejects. */
  private async serve(message: UpMessage, read: InferMessage): Promise<void> {
    const { deviceId } = message;
    const key = keyOf(deviceId, read.requestId);
    const cancel = new AbortController();
    const others = this.openOf.get(deviceId) ?? 0;
    this.open.set(key, cancel);
    this.openOf.set(deviceId, others + 1);
    const model = this.models.get(read.model, read.version);
    try {
      if (others >= MAX_OF_DEVICE || this.open.size > MAX_OF_ALL)
        throw new ModelError('ENGINE_BUSY', `${others} requests of ${deviceId} are under way`);
      await this.answer(message, read, { model, signal: cancel.signal });
    } catch (error) {
      await this.fail(message, read, { model, error });
    } finally {
      this.open.delete(key);
      if (others === 0 || this.openOf.get(deviceId) === 1) this.openOf.delete(deviceId);
      else this.openOf.set(deviceId, (this.openOf.get(deviceId) ?? 1) - 1);
    }
  }

  private async answer(message: UpMessage, read: InferMessage, { model, signal }: Running): Promise<void> {
    if (model === undefined) throw unknownModel(read);
    const { deviceId, receivedAt } = message;
    const { asked, requestId, isFallback } = read;
    const dueAt = receivedAt + (read.deadlineMs ?? this.around.config.inference.deadlineMs);
    const deadlineMs = dueAt - this.around.clock.now();
    if (deadlineMs <= 0) throw new ModelError('DEADLINE_UNMEETABLE', 'The deadline passed before the request was read');
    const response = await answerInferRequest(asked, model, {
      deadlineMs,
      signal,
      options: optionsOf(read, deadlineMs, signal),
    });
    if (isFallback) this.shed.admitted();
    const now = this.around.clock.now();
    if (now > dueAt + LATE_MS) throw new ModelError('ENGINE_TIMEOUT', 'The answer came far too late');
    const told = withParameters(response, {
      shed: this.shed.value(model.queueFill()),
      ...(now > dueAt && { late: true }),
    });
    const frame = encodeInferFrame(await this.around.codec.encodeResponse(told, encodingsOf(asked, told)));
    const isHeard = await this.gateway.send(deviceId, topics.reply(deviceId, requestId), frame);
    this.count(isHeard ? (now > dueAt ? 'late' : 'ok') : 'unheard');
  }

  private async fail(message: UpMessage, read: Unread | InferMessage, { model, error }: Failed): Promise<void> {
    const { code, message: why, retryable } = namedFault(error);
    if (read.isFallback === true && BUSY.has(code)) this.shed.refused();
    if (code === 'INTERNAL') this.around.log.error({ err: error, deviceId: message.deviceId }, 'an inference failed');
    const reply: Reply = {
      v: 1,
      requestId: read.requestId,
      outcome: code === 'DEADLINE_UNMEETABLE' || code === 'ENGINE_TIMEOUT' ? 'expired' : 'failed',
      error: { code, message: why.slice(0, 1_024), retryable },
      parameters: { shed: this.shed.value(model?.queueFill() ?? 0) },
    };
    this.count(code);
    await this.messages.reply(message.deviceId, reply).catch((cause: unknown) => {
      this.around.log.error({ err: cause, deviceId: message.deviceId }, 'a reply could not be sent');
    });
  }

  private count(outcome: string): void {
    this.around.metrics.count('inference_messages_total', 1, { channel: 'mqtt', outcome });
  }
}

interface Running {
  readonly model: ModelVersion | undefined;
  readonly signal: AbortSignal;
}

/** What is known of a request that could not be read. */
interface Unread {
  readonly requestId: string;
  readonly isFallback?: undefined;
}

interface Failed {
  readonly model?: ModelVersion | undefined;
  readonly error: unknown;
}

/** A device id has no space. */
const keyOf = (deviceId: string, requestId: string): string => `${deviceId} ${requestId}`;

const optionsOf = ({ isFallback, policy }: InferMessage, deadlineMs: number, signal: AbortSignal): InferOptions => {
  const options = { ...inferOptions(policy, deadlineMs, signal), acceptsLate: true };
  return isFallback ? { ...options, priority: PRIORITIES.FALLBACK } : options;
};

const withParameters = (response: InferResponse, more: JsonObject): InferResponse => ({
  ...response,
  parameters: { ...response.parameters, ...more },
});

const unknownModel = ({ model, version }: InferMessage): ModelError =>
  new ModelError('MODEL_NOT_FOUND', `There is no model ${model}${version === undefined ? '' : ` ${version}`}`);
