/** Connections to an MQTT broker on this machine: a new client each, opened again by who uses it. */
import { connect, type MqttClient } from 'mqtt';
import { AgentError, sentenceOf } from '../errors.ts';
import { randomId } from '../runtime.ts';
import type { LocalBrokerAddress, LocalBrokerSession, OpenLocalBroker } from './local-broker.port.ts';

const failed = ({ host, port }: LocalBrokerAddress, cause: unknown): AgentError =>
  new AgentError('LOCAL_BROKER_FAILED', `The local broker ${host}:${port}: ${sentenceOf(cause)}.`, { cause });

const connected = async (client: MqttClient, signal: AbortSignal): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = (): void => reject(new Error('it is no longer needed'));
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  client.once('connect', () => resolve());
  client.once('close', () => reject(new Error('the connection was refused or closed')));
  client.on('error', reject);
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', stop);
  }
};

const sessionOf = (client: MqttClient, address: LocalBrokerAddress): LocalBrokerSession => {
  const { promise: closed, resolve } = Promise.withResolvers<string>();
  let why = 'it closed the connection';
  client.on('error', (error) => (why = sentenceOf(error)));
  client.once('close', () => {
    client.end(true);
    resolve(why);
  });
  return {
    closed,
    close: () => void client.end(true),
    subscribe: async (filter, qos, onMessage) => {
      client.on('message', (topic, payload, { retain }) => onMessage({ topic, payload, retained: retain }));
      try {
        const granted = await client.subscribeAsync(filter, { qos });
        if (granted.some((grant) => grant.qos > 2)) throw new Error(`it refuses the subscription to ${filter}`);
      } catch (cause) {
        throw failed(address, cause);
      }
    },
    publish: async ({ topic, payload, qos, retain }) => {
      try {
        await client.publishAsync(topic, payload, { qos, retain });
      } catch (cause) {
        throw failed(address, cause);
      }
    },
  };
};

export const openLocalBroker: OpenLocalBroker = async (address, signal) => {
  const { host, port, keepaliveSeconds, connectTimeoutMs } = address;
  const client = connect({
    protocol: 'mqtt',
    host,
    port,
    protocolVersion: 4,
    clientId: `shoal-agent-${randomId()}`,
    clean: true,
    keepalive: keepaliveSeconds,
    connectTimeout: connectTimeoutMs,
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
  });
  try {
    await connected(client, signal);
  } catch (cause) {
    client.end(true);
    throw failed(address, cause);
  }
  return sessionOf(client, address);
};
