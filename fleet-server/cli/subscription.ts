/** A subscription that outlives its connection: connects, subscribes, and does both again whenever the broker was gone. */
import { randomBytes } from 'node:crypto';
import { connect, type MqttClient } from 'mqtt';
import { cliError } from './errors.ts';

export interface SubscriptionOptions {
  readonly url: string;
  readonly filter: string;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** After every subscription that stands; `isAgain` after the first. */
  readonly onStanding: (isAgain: boolean) => void;
  /** When a connection that stood is gone. */
  readonly onLost: () => void;
  /** @returns whether it was the last one wanted */
  readonly onMessage: (topic: string, payload: Uint8Array) => boolean;
}

const CONNECT_TIMEOUT_MS = 5_000;
const AGAIN_AFTER_MS = 1_000;

const unreachable = (url: string, why: string, cause?: Error): Error =>
  cliError('BROKER_UNREACHABLE', `No broker at ${url} (${why}). Start the server, or name it with --mqtt.`, { cause });

const refused = (filter: string, cause?: unknown): Error =>
  cliError(
    'SUBSCRIPTION_REFUSED',
    `The broker refuses "${filter}"; subscribe to live/, windows/, predictions/, alerts/, rollouts/, fleet/ or homeassistant/.`,
    { cause },
  );

/** False when the connection went meanwhile: the next one subscribes. @throws CliError SUBSCRIPTION_REFUSED */
const subscribe = async (client: MqttClient, filter: string): Promise<boolean> => {
  try {
    const granted = await client.subscribeAsync(filter, { qos: 1 });
    if (granted.every(({ qos }) => qos <= 2)) return true;
  } catch (cause) {
    if (!client.connected) return false;
    throw refused(filter, cause);
  }
  throw refused(filter);
};

/**
 * Resolves when the signal is aborted or the last wanted message came.
 * @throws CliError BROKER_UNREACHABLE when the first connection fails: somebody may have named the wrong broker;
 * SUBSCRIPTION_REFUSED
 */
export const followTopic = async (options: SubscriptionOptions): Promise<void> => {
  const { url, filter, signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const client = connect(url, {
    clientId: `sub-${randomBytes(6).toString('hex')}`,
    protocolVersion: 4,
    reconnectPeriod: AGAIN_AFTER_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    resubscribe: false,
  });
  let stood = 0;
  let isStanding = false;
  const standing = (stands: boolean): void => {
    if (!stands) return;
    stood += 1;
    isStanding = true;
    options.onStanding(stood > 1);
  };
  client.on('connect', () => void subscribe(client, filter).then(standing, reject));
  client.on('error', (error) => {
    if (stood === 0) reject(unreachable(url, error.message || String((error as { code?: unknown }).code), error));
  });
  client.on('close', () => {
    if (stood === 0) reject(unreachable(url, 'it closed the connection'));
    else if (isStanding) options.onLost();
    isStanding = false;
  });
  client.on('message', (topic, payload) => {
    if (options.onMessage(topic, payload)) resolve();
  });
  const end = (): void => (stood === 0 ? reject(unreachable(url, 'no answer')) : resolve());
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', end);
    client.removeAllListeners();
    client.on('error', () => {});
    await client.endAsync(true);
  }
};
