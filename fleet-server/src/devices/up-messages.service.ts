/** How every handler of device messages treats a payload: decode, serve, and set aside as a dead letter what cannot be. */
import { Injectable } from '@nestjs/common';
import {
  decodeFrame,
  encodeFrame,
  isRequestId,
  ProtocolError,
  requestSchemas,
  schemaFault,
  topics,
  type Reply,
  type ReplyBodyOf,
  type ServedMethod,
} from '@shoal/protocol';
import type { z } from 'zod';
import { FleetError } from '../errors.ts';
import { Clock } from '../ports/clock.ts';
import { DeviceGateway, type UpMessage } from '../ports/device-gateway.ts';
import { Metrics } from '../ports/metrics.ts';
import { TelemetryStore } from '../ports/telemetry-store.ts';

export type RequestBody<M extends ServedMethod> = z.infer<(typeof requestSchemas)[M]>['body'];

@Injectable()
export class UpMessages {
  private readonly telemetry: TelemetryStore;
  private readonly gateway: DeviceGateway;
  private readonly clock: Clock;
  private readonly metrics: Metrics;
  constructor(telemetry: TelemetryStore, gateway: DeviceGateway, clock: Clock, metrics: Metrics) {
    this.telemetry = telemetry;
    this.gateway = gateway;
    this.clock = clock;
    this.metrics = metrics;
  }

  /**
   * Serves one message. Resolves, which acknowledges it, when it was served or durably set aside as a dead letter.
   * @throws FleetError retryable ones of `serve`, and STORAGE_UNAVAILABLE: nothing is acknowledged
   */
  async accept<T>(message: UpMessage, schema: z.ZodType<T>, serve: (value: T) => Promise<void>): Promise<void> {
    try {
      await serve(decode(message, schema));
    } catch (error) {
      if (!isPoison(error)) throw error;
      await this.setAside(message, error);
    }
  }

  /** A request with its reply: `refused` when it is malformed, `expired` when its deadline has passed, `failed` when serving fails. */
  async answer<M extends ServedMethod>(
    message: UpMessage,
    method: M,
    serve: (body: RequestBody<M>) => Promise<ReplyBodyOf[M]>,
  ): Promise<void> {
    const schema = requestSchemas[method] as unknown as z.ZodType<Envelope<RequestBody<M>>>;
    const request = await this.open(message, schema);
    if (!request) return;
    const { requestId, body } = request;
    try {
      await this.reply(message.deviceId, { v: 1, requestId, outcome: 'ok', body: await serve(body) });
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      await this.fail(message.deviceId, requestId, error);
    }
  }

  /** A request that is to be served; undefined when it was answered here: `refused` when malformed, `expired` when too late. */
  async open<R extends Envelope<unknown>>(message: UpMessage, schema: z.ZodType<R>): Promise<R | undefined> {
    const request = await this.readRequest(message, schema);
    if (request === undefined || this.clock.now() - message.receivedAt < request.deadlineMs) return request;
    await this.reply(message.deviceId, { v: 1, requestId: request.requestId, outcome: 'expired' });
    return undefined;
  }

  /** An answer that is no JSON. @returns false when the device does not listen now */
  async replyBytes(deviceId: string, requestId: string, payload: Uint8Array): Promise<boolean> {
    return this.gateway.send(deviceId, topics.reply(deviceId, requestId), payload);
  }

  /** @returns false when the device does not listen now */
  async fail(deviceId: string, requestId: string, error: FleetError): Promise<boolean> {
    return this.reply(deviceId, { v: 1, requestId, outcome: 'failed', error: replyError(error) });
  }

  /** @returns false when the device does not listen now */
  async reply(deviceId: string, reply: Reply): Promise<boolean> {
    return this.gateway.send(deviceId, topics.reply(deviceId, reply.requestId), encodeFrame(reply));
  }

  /** A request that cannot be read: set aside, and `refused` where it says whom to answer. */
  async refuse(message: UpMessage, fault: ProtocolError | FleetError, requestId: string | undefined): Promise<void> {
    await this.setAside(message, fault);
    if (requestId === undefined) return;
    await this.reply(message.deviceId, { v: 1, requestId, outcome: 'refused', error: replyError(fault) });
  }

  private async readRequest<T>(message: UpMessage, schema: z.ZodType<T>): Promise<T | undefined> {
    try {
      return decode(message, schema);
    } catch (error) {
      if (!isPoison(error)) throw error;
      await this.refuse(message, error, requestIdOf(message));
      return undefined;
    }
  }

  private async setAside(message: UpMessage, fault: ProtocolError | FleetError): Promise<void> {
    const { deviceId, topicName: topic, receivedAt, payload } = message;
    const letter = { deviceId, topic, receivedAt, reason: fault.code, detail: fault.message, payload };
    await this.telemetry.append([], [letter]);
    this.metrics.count('dead_letters_total', 1, { reason: fault.code });
  }
}

interface Envelope<B> {
  readonly requestId: string;
  readonly deadlineMs: number;
  readonly body: B;
}

const decode = <T>(message: UpMessage, schema: z.ZodType<T>): T => {
  const parsed = schema.safeParse(decodeFrame(message.payload));
  if (parsed.success) return parsed.data;
  throw schemaFault(parsed.error, message.topic.what);
};

/** Sending the same bytes again gives the same answer. */
const isPoison = (error: unknown): error is ProtocolError | FleetError =>
  error instanceof ProtocolError || (error instanceof FleetError && !error.retryable && error.status < 500);

const replyError = (error: ProtocolError | FleetError): NonNullable<Reply['error']> => ({
  code: error.code,
  message: error.message.slice(0, 1_024),
  retryable: error.retryable,
});

/** Whom to answer when the rest of a request cannot be read. */
const requestIdOf = (message: UpMessage): string | undefined => {
  try {
    const value = decodeFrame(message.payload);
    const id = typeof value === 'object' && value !== null && 'requestId' in value ? value.requestId : undefined;
    return typeof id === 'string' && isRequestId(id) ? id : undefined;
  } catch {
    return undefined;
  }
};
