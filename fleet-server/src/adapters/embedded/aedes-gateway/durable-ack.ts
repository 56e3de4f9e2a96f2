/**
 * The acknowledgement of a publish: Aedes sends PUBACK when the callback of `authorizePublish` is released, so it is held
 * until the handler says that the message is stored. An error closes the connection and nothing is acknowledged.
 */
import type { Socket } from 'node:net';
import type { PublishPacket } from 'aedes';
import type { Logger } from 'pino';
import { FleetError, type FleetErrorCode } from '../../../errors.ts';
import type { Authenticator } from '../../../ports/authenticator.ts';
import type { Clock } from '../../../ports/clock.ts';
import {
  UP,
  isLight,
  type RefusedMessage,
  type ThirdPartyMessage,
  type UpMessage,
} from '../../../ports/device-gateway.ts';
import type { BoundHistogram, Metrics } from '../../../ports/metrics.ts';
import type { InboundBudget } from './inbound-budget.ts';
import { judgePublish } from './publish-admission.ts';
import { RecordBatcher, type BatchHandler } from './record-batcher.ts';
import type { Session } from './session-registry.ts';

/** Where publishes go: the handlers of the capabilities. A promise that rejects means: not acknowledged. */
export interface UpwardSink {
  readonly records: BatchHandler;
  single(pattern: string, data: unknown): Promise<void>;
}

interface Collaborators {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly budget: InboundBudget;
}

const MILLISECONDS = 1_000;

type Release = (error?: Error | null) => void;

export class DurableAck {
  readonly #sink: UpwardSink;
  readonly #with: Collaborators;
  readonly #batcher: RecordBatcher;
  readonly #ackSeconds: BoundHistogram;

  constructor(sink: UpwardSink, collaborators: Collaborators) {
    this.#sink = sink;
    this.#with = collaborators;
    this.#batcher = new RecordBatcher(sink.records, () => collaborators.clock.monotonic());
    this.#ackSeconds = collaborators.metrics.histogram('ack_seconds', {});
  }

  /** Whether light messages of records come in. */
  get hasTraffic(): boolean {
    return this.#batcher.hasTraffic;
  }

  /** `release` is called exactly once. */
  accept(session: Session, packet: Pick<PublishPacket, 'topic' | 'payload' | 'qos'>, release: Release): void {
    const { authenticator, clock, metrics } = this.#with;
    const admission = judgePublish(session, packet, authenticator);
    if (admission.verdict === 'refused') {
      release(this.refuse(session, admission.code, admission.why));
      return;
    }
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    const held = this.#hold(payload.length, release);
    const isHeavy = admission.verdict === 'records' ? !isLight(payload) : undefined;
    this.#with.budget.weigh(session.client.conn as Socket, isHeavy);
    const envelope = {
      principal: session.principal,
      deviceId: session.principal.id,
      topicName: packet.topic,
      payload,
      receivedAt: clock.now(),
      socketId: session.socketId,
    };
    this.#paced(session.messages.take(1, clock.monotonic()), 'message', () => {
      if (admission.verdict === 'set-aside') {
        metrics.count('messages_received_total', 1, { what: 'unknown' });
        const refusal: RefusedMessage = { ...envelope, reason: admission.reason, detail: admission.detail };
        this.#single(UP.refused, refusal, held);
        return;
      }
      if (admission.verdict === 'heard') {
        this.#single(admission.pattern, envelope, held);
        return;
      }
      const message: UpMessage = { ...envelope, topic: admission.topic };
      if (admission.verdict === 'records') this.#records(session, message, held);
      else this.#single(admission.pattern, message, held);
    });
  }

  /** Counts and names a refusal. */
  refuse(session: Session | undefined, code: FleetErrorCode, why: string): FleetError {
    this.#with.metrics.count('refusals_total', 1, { code });
    this.#with.log.warn({ code, principal: session?.principal.id, socketId: session?.socketId }, why);
    return new FleetError(code, why);
  }

  #records(session: Session, message: UpMessage, release: Release): void {
    const { clock } = this.#with;
    const readAt = clock.monotonic();
    this.#batcher.push(message, (error, records) => {
      if (error !== null) {
        release(error);
        return;
      }
      const now = clock.monotonic();
      this.#ackSeconds.observe((now - readAt) / MILLISECONDS);
      const waitMs = session.records.take(records, now);
      this.#paced(waitMs, 'record', release);
    });
  }

  #single(pattern: string, data: UpMessage | RefusedMessage | ThirdPartyMessage, release: Release): void {
    this.#with.metrics.count('messages_received_total', 1, { what: pattern });
    this.#sink.single(pattern, data).then(
      () => release(),
      (error: unknown) => release(error instanceof Error ? error : new Error(String(error))),
    );
  }

  #hold(bytes: number, release: Release): Release {
    this.#with.budget.hold(bytes);
    return (error) => {
      this.#with.budget.release(bytes);
      release(error ?? null);
    };
  }

  /** Over the rate the device is slowed down: its socket is not read on before the answer. */
  #paced(waitMs: number, unit: 'message' | 'record', go: () => void): void {
    if (waitMs <= 0) {
      go();
      return;
    }
    this.#with.metrics.count('messages_throttled_total', 1, { unit });
    setTimeout(go, waitMs);
  }
}
