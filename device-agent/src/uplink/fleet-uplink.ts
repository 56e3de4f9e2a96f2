/** Keeps the device connected: connects, announces it, lets the parts take part, and begins anew when the connection ends. */
import { birthReplySchema, encodeFrame, topics, type BirthReply, type DownTopic } from '@shoal/protocol/wire';
import { setTimeout as delay } from 'node:timers/promises';
import { AgentError, isAgentError, sentenceOf } from '../errors.ts';
import type { Outbox } from '../outbox/outbox.port.ts';
import { randomId, type Clock, type Logger, type Random } from '../runtime.ts';
import { fullJitterMs, type BackoffBounds } from './backoff.ts';
import type { FleetConnection, FleetLink, LinkParticipant, LinkSession } from './fleet-link.port.ts';
import type { PresenceReporter } from './presence-reporter.ts';
import { RequestDesk } from './request-desk.ts';

export interface FleetUplinkOptions {
  readonly deviceId: string;
  readonly link: FleetLink;
  readonly presence: PresenceReporter;
  readonly outbox: Outbox;
  readonly participants: readonly LinkParticipant[];
  readonly backoff: BackoffBounds;
  readonly replyTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface UplinkStatus {
  readonly state: 'connecting' | 'connected' | 'waiting' | 'stopped';
  readonly connectionId: string | null;
  /** Since the current state began; milliseconds since the epoch. */
  readonly since: number;
  readonly connects: number;
  /** In a row. */
  readonly failedAttempts: number;
  readonly lastFailure: string | null;
}

/** The server has more of this epoch than the outbox ever wrote: the outbox is an older copy of itself. */
export const isRestoredCopy = (birth: BirthReply, epoch: string, lastCommittedSequence: number): boolean =>
  birth.epoch === epoch && lastCommittedSequence < birth.highestSequence;

export class FleetUplink {
  readonly #options: FleetUplinkOptions;
  #session: LinkSession | undefined;
  #desk: RequestDesk | undefined;
  #status: UplinkStatus;
  #running: Promise<void> = Promise.resolve();
  #renewed = false;
  #online: FleetConnection | undefined;
  readonly #participants: LinkParticipant[];

  constructor(options: FleetUplinkOptions) {
    this.#options = options;
    this.#participants = [...options.participants];
    this.#status = {
      state: 'stopped',
      connectionId: null,
      since: 0,
      connects: 0,
      failedAttempts: 0,
      lastFailure: null,
    };
  }

  start(signal: AbortSignal): void {
    this.#running = this.#run(signal);
  }

  /** For a part that is made while the agent runs. */
  join(participant: LinkParticipant): void {
    this.#participants.push(participant);
    if (this.#online !== undefined) participant.online?.(this.#online);
  }

  /** Says farewell when connected; the signal given to `start` must have been aborted. */
  async stop(): Promise<void> {
    const session = this.#session;
    if (session !== undefined) {
      const farewell = this.#options.presence.will(session.connectionId, 'stopped');
      const left = session.leave(farewell).catch(() => undefined);
      await Promise.race([left, delay(this.#options.replyTimeoutMs, undefined, { ref: false })]);
      session.abort(new AgentError('LINK_LOST', 'The agent stopped.'));
    }
    await this.#running;
    this.#become('stopped', null);
  }

  status(): UplinkStatus {
    return this.#status;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#connection(signal);
      if (signal.aborted) return;
      const { backoff, random } = this.#options;
      const attempt = Math.max(0, this.#status.failedAttempts - 1);
      const pauseMs = this.#renewed ? 0 : fullJitterMs(backoff, attempt, random);
      this.#renewed = false;
      this.#become('waiting', null);
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One connection from the attempt to its end. Never throws. */
  async #connection(signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    const connectionId = `c-${randomId()}`;
    this.#become('connecting', connectionId);
    try {
      const session = await this.#open(connectionId, signal);
      const { code, message } = await session.closed;
      logger.info({ connectionId, code, why: message }, 'disconnected');
      this.#status = {
        ...this.#status,
        failedAttempts: this.#status.failedAttempts + 1,
        lastFailure: `${code}: ${message}`,
      };
    } catch (error) {
      const failedAttempts = this.#status.failedAttempts + 1;
      const code = isAgentError(error) ? error.code : 'UNEXPECTED';
      this.#status = { ...this.#status, failedAttempts, lastFailure: `${code}: ${sentenceOf(error)}` };
      if (!signal.aborted) logger.warn({ why: sentenceOf(error), failedAttempts }, 'no connection');
      this.#session?.abort(new AgentError('LINK_LOST', 'The connection could not be used.'));
    } finally {
      this.#session = undefined;
      this.#online = undefined;
      this.#desk?.close();
      this.#desk = undefined;
      for (const participant of this.#participants) participant.offline?.();
    }
  }

  /** Connected, announced, and answered. */
  async #open(connectionId: string, signal: AbortSignal): Promise<LinkSession> {
    const { link, outbox, logger } = this.#options;
    const onMessage = (topic: DownTopic, payload: Uint8Array): void => this.#onMessage(topic, payload);
    const session = await link.open({ connectionId, onMessage }, signal);
    this.#session = session;
    const desk = new RequestDesk(this.#options.deviceId, (topic, payload) => session.publish(topic, payload));
    this.#desk = desk;
    const birth = await this.#announce(session, desk);
    const { epoch, lastCommittedSequence } = outbox.state();
    if (isRestoredCopy(birth, epoch, lastCommittedSequence)) {
      logger.warn({ epoch, lastCommittedSequence, serverHas: birth.highestSequence }, 'the outbox is an older copy');
      await outbox.beginEpoch();
      this.#renew(session, 'the outbox is an older copy: a new epoch begins');
      return session;
    }
    const { connects } = this.#status;
    this.#become('connected', connectionId);
    this.#status = { ...this.#status, connects: connects + 1, failedAttempts: 0 };
    logger.info({ connectionId, connects: connects + 1 }, 'connected');
    const connection = this.#connectionOf(session, desk, birth);
    this.#online = connection;
    for (const participant of this.#participants) participant.online?.(connection);
    return session;
  }

  async #announce(session: LinkSession, desk: RequestDesk): Promise<BirthReply> {
    const { deviceId, presence, replyTimeoutMs } = this.#options;
    const replied = desk.awaitReply(session.connectionId, replyTimeoutMs);
    const birth = encodeFrame(presence.birth(session.connectionId));
    const published = session.publish(topics.presence(deviceId), birth);
    const ended = session.closed.then(({ message }) =>
      Promise.reject(new AgentError('LINK_LOST', `Lost before the birth was answered: ${message}`)),
    );
    published.catch(() => undefined);
    ended.catch(() => undefined);
    const reply = await Promise.race([replied, ended]).catch((cause: unknown) => {
      replied.catch(() => undefined);
      throw new AgentError('BIRTH_UNANSWERED', `The birth was not answered: ${sentenceOf(cause)}`, { cause });
    });
    const parsed = birthReplySchema.safeParse(reply.body);
    if (reply.outcome === 'ok' && parsed.success) return parsed.data;
    throw new AgentError('BIRTH_UNANSWERED', `The birth was answered with "${reply.outcome}".`);
  }

  #connectionOf(session: LinkSession, desk: RequestDesk, birth: BirthReply): FleetConnection {
    return {
      birth,
      publish: (topic, payload) => session.publish(topic, payload),
      request: (method, body, deadlineMs) => desk.request(method, body, deadlineMs),
      renew: (why) => this.#renew(session, why),
      abort: (why) => session.abort(why),
    };
  }

  #renew(session: LinkSession, why: string): void {
    this.#renewed = true;
    session.abort(new AgentError('LINK_LOST', `The connection is made anew: ${why}.`));
  }

  #onMessage(topic: DownTopic, payload: Uint8Array): void {
    if (topic.what === 'reply') {
      if (this.#desk?.deliver(topic.requestId, payload) === true) return;
      this.#options.logger.debug({ requestId: topic.requestId }, 'reply to a part, or to nobody');
    }
    for (const participant of this.#participants) participant.message?.(topic, payload);
  }

  #become(state: UplinkStatus['state'], connectionId: string | null): void {
    this.#status = { ...this.#status, state, connectionId, since: this.#options.clock.now() };
  }
}
