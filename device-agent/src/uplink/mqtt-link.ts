/**
 * Sessions over MQTT 3.1.1. Every attempt is a new client that never reconnects by itself: what was in flight fails with
 * its session, and the outbox alone sends it again.
 */
import { encodeFrame, parseTopic, topics, type DownTopic, type Will } from '@shoal/protocol/wire';
import { connect, type MqttClient } from 'mqtt';
import { writeToStream } from 'mqtt-packet';
import { AgentError, sentenceOf } from '../errors.ts';
import type { Clock, Logger } from '../runtime.ts';
import type { FleetLink, LinkSession, OpenRequest } from './fleet-link.port.ts';
import { SilenceWatch } from './silence-watch.ts';

export interface MqttLinkOptions {
  readonly deviceId: string;
  readonly host: string;
  readonly port: number;
  readonly keepaliveSeconds: number;
  readonly connectTimeoutMs: number;
  readonly will: (connectionId: string) => Will;
  readonly clock: Clock;
  readonly logger: Logger;
}

const downTopic = (topic: string): DownTopic | undefined => {
  try {
    const parsed = parseTopic(topic);
    return parsed.direction === 'down' ? parsed : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Keepalive periods without a packet after which a connection counts as half open: a ping goes out after one period at
 * the latest, and MQTT.js itself, which restarts its clock with every packet it writes, waits one and a half.
 */
const SILENT_AFTER_PERIODS = 1.4;

class MqttSession implements LinkSession {
  readonly connectionId: string;
  readonly closed: Promise<AgentError>;
  readonly #client: MqttClient;
  readonly #options: MqttLinkOptions;
  /** The first cause counts: what follows it is only its consequence. */
  #fault: AgentError | undefined;

  constructor(connectionId: string, client: MqttClient, options: MqttLinkOptions) {
    this.connectionId = connectionId;
    this.#client = client;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<AgentError>();
    this.closed = promise;
    const silenceMs = options.keepaliveSeconds * 1_000 * SILENT_AFTER_PERIODS;
    const watch = new SilenceWatch(silenceMs, options.clock, () =>
      this.abort(new AgentError('LINK_SILENT', `Nothing came for ${silenceMs} ms; the link was half open.`)),
    );
    client.on('packetreceive', () => watch.heard());
    client.on('error', (error) => {
      this.#fault ??= new AgentError('LINK_LOST', `The connection failed: ${sentenceOf(error)}.`, { cause: error });
    });
    client.once('close', () => {
      watch.stop();
      client.end(true);
      resolve(this.#fault ?? new AgentError('LINK_LOST', 'The fleet server or the network closed the connection.'));
    });
    watch.start();
  }

  async publish(topic: string, payload: Uint8Array): Promise<void> {
    try {
      await this.#client.publishAsync(topic, Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength), {
        qos: 1,
      });
    } catch (cause) {
      throw new AgentError('LINK_LOST', `${topic} was not acknowledged: ${sentenceOf(cause)}`, { cause });
    }
  }

  abort(why: AgentError): void {
    this.#fault ??= why;
    this.#client.end(true);
    this.#client.stream.destroy();
  }

  async leave(farewell: Will): Promise<void> {
    await this.publish(topics.presence(this.#options.deviceId), encodeFrame(farewell));
    this.#fault ??= new AgentError('LINK_LOST', 'The agent left in good order.');
    await this.#client.endAsync(false);
  }
}

export class MqttLink implements FleetLink {
  readonly #options: MqttLinkOptions;

  constructor(options: MqttLinkOptions) {
    this.#options = options;
  }

  async open(request: OpenRequest, signal: AbortSignal): Promise<LinkSession> {
    const client = this.#client(request.connectionId);
    const abort = (): void => void client.end(true);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await this.#connected(client, signal);
      const session = new MqttSession(request.connectionId, client, this.#options);
      this.#listen(client, request);
      await client.subscribeAsync(topics.downFilter(this.#options.deviceId), { qos: 1 });
      return session;
    } catch (cause) {
      client.end(true);
      throw this.#connectFault(cause);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #client(connectionId: string): MqttClient {
    // Its first packet would make a buffer for each of 65,536 numbers: 7 MB to save nanoseconds.
    writeToStream.cacheNumbers = false;
    const { deviceId, host, port, keepaliveSeconds, connectTimeoutMs, will } = this.#options;
    return connect({
      protocol: 'mqtt',
      host,
      port,
      protocolVersion: 4,
      clientId: deviceId,
      clean: true,
      keepalive: keepaliveSeconds,
      connectTimeout: connectTimeoutMs,
      reconnectPeriod: 0,
      queueQoSZero: false,
      resubscribe: false,
      will: {
        topic: topics.presence(deviceId),
        payload: Buffer.from(encodeFrame(will(connectionId))),
        qos: 1,
        retain: false,
      },
    });
  }

  #connected(client: MqttClient, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('the agent stops')), { once: true });
      client.once('connect', () => resolve());
      client.once('close', () => reject(new Error('the connection was closed before it was accepted')));
      client.on('error', reject);
    });
  }

  #listen(client: MqttClient, { onMessage }: OpenRequest): void {
    const { logger } = this.#options;
    client.on('message', (topicName, payload) => {
      const topic = downTopic(topicName);
      if (topic === undefined) logger.warn({ topic: topicName.slice(0, 128) }, 'message on an unknown topic ignored');
      else onMessage(topic, payload);
    });
  }

  #connectFault(cause: unknown): AgentError {
    const { host, port, deviceId } = this.#options;
    const refused = cause instanceof Error && 'code' in cause && typeof cause.code === 'number';
    return refused
      ? new AgentError('LINK_REFUSED', `${host}:${port} refused ${deviceId}: ${cause.message}.`, { cause })
      : new AgentError('LINK_CONNECT_FAILED', `Cannot reach ${host}:${port}: ${sentenceOf(cause)}.`, { cause });
  }
}
