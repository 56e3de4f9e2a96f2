/** `shoal sub`: what moves, as it is published over MQTT. */
import { randomBytes } from 'node:crypto';
import { decodeFrame, ProtocolError, TOPIC_ROOT, topics } from '@shoal/protocol';
import type { Command } from 'commander';
import { connect, type MqttClient } from 'mqtt';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { cliError } from './errors.ts';
import { whole } from './moments.ts';
import { harmless } from './terminal.ts';

interface SubscribeOptions {
  readonly count?: number;
  readonly seconds?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** `live/+/events` is short for `shoal/v1/live/+/events`. */
const filterOf = (topic: string): string =>
  topic === '#' || topic.startsWith('shoal/') || topic.startsWith('$') ? topic : `${TOPIC_ROOT}/${topic}`;

/** The JSON of a payload, or why it is none. */
const contentOf = (payload: Uint8Array): unknown => {
  try {
    return decodeFrame(payload);
  } catch (error) {
    if (error instanceof ProtocolError) return { undecodable: error.code, sizeBytes: payload.length };
    throw error;
  }
};

const print = ({ terminal, json, now }: CommandContext, topic: string, payload: Uint8Array): void => {
  const content = contentOf(payload);
  if (json) {
    terminal.jsonLine({ at: now(), topic, content });
    return;
  }
  const time = terminal.paint('gray', new Date(now()).toISOString().slice(11, 23));
  const short = topic.startsWith(`${TOPIC_ROOT}/`) ? topic.slice(TOPIC_ROOT.length + 1) : topic;
  terminal.data(`${time} ${terminal.paint('cyan', harmless(short))} ${harmless(JSON.stringify(content))}`);
};

/** One attempt: a command that reconnects in silence hides that something is wrong. */
const connected = async (context: CommandContext, signal: AbortSignal): Promise<MqttClient> => {
  const client = connect(context.mqttUrl, {
    clientId: `sub-${randomBytes(6).toString('hex')}`,
    protocolVersion: 4,
    reconnectPeriod: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
  });
  const { promise, resolve, reject } = Promise.withResolvers<MqttClient>();
  const unreachable = (why: string, cause?: Error): void =>
    reject(
      cliError(
        'BROKER_UNREACHABLE',
        `No broker at ${context.mqttUrl} (${why}). Start the server, or name it with --mqtt.`,
        {
          cause,
        },
      ),
    );
  client.once('connect', () => resolve(client));
  client.once('error', (error) => unreachable(error.message || String((error as { code?: unknown }).code), error));
  client.once('close', () => unreachable('it closed the connection'));
  signal.addEventListener('abort', () => unreachable('no answer'), { once: true });
  try {
    return await promise;
  } catch (error) {
    client.end(true);
    throw error;
  }
};

const subscribe = async (client: MqttClient, filter: string): Promise<void> => {
  const refusal = `The broker refuses "${filter}"; subscribe to live/, windows/, predictions/, alerts/, rollouts/ or fleet/.`;
  try {
    const granted = await client.subscribeAsync(filter, { qos: 0 });
    if (granted.every(({ qos }) => qos <= 2)) return;
  } catch (cause) {
    throw cliError('SUBSCRIPTION_REFUSED', refusal, { cause });
  }
  throw cliError('SUBSCRIPTION_REFUSED', refusal);
};

/** Resolves after `count` messages, or when the signal is aborted; rejects when the broker goes away. */
const follow = (context: CommandContext, client: MqttClient, count: number, signal: AbortSignal): Promise<number> => {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let seen = 0;
  client.on('message', (topic, payload) => {
    if (seen >= count) return;
    seen += 1;
    print(context, topic, payload);
    if (seen === count) resolve(seen);
  });
  client.on('close', () =>
    reject(cliError('BROKER_UNREACHABLE', `The broker at ${context.mqttUrl} closed the connection.`)),
  );
  signal.addEventListener('abort', () => resolve(seen), { once: true });
  return promise;
};

const run = async (context: CommandContext, topic: string, options: SubscribeOptions): Promise<void> => {
  const { count = Number.POSITIVE_INFINITY, seconds } = options;
  const signal =
    seconds === undefined ? context.signal : AbortSignal.any([context.signal, AbortSignal.timeout(seconds * 1_000)]);
  const client = await connected(context, signal);
  try {
    const filter = filterOf(topic);
    const following = follow(context, client, count, signal);
    await Promise.race([subscribe(client, filter), following]);
    context.terminal.talk(`Subscribed to ${filter} at ${context.mqttUrl}; Ctrl-C ends.`);
    const seen = await following;
    if (options.count !== undefined && seen < count && !context.signal.aborted) {
      throw cliError('MESSAGES_TIMED_OUT', `${seen} of ${count} messages came within ${seconds} s.`);
    }
  } finally {
    client.removeAllListeners('close');
    await client.endAsync(true);
  }
};

export const addSubscribe = (program: Command, surroundings: Surroundings): void => {
  program
    .command('sub')
    .argument('[topic]', 'topic filter; shoal/v1/ may be left out', topics.liveFilter())
    .option('--count <n>', 'end after so many messages', whole(1, 1_000_000_000))
    .option('--seconds <n>', 'end after so many seconds', whole(1, 86_400))
    .description('print what is published over MQTT, for example live/pump-01/predictions or fleet/summary')
    .action((topic: string, options: SubscribeOptions, command: Command) =>
      run(contextOf(surroundings, command), topic, options),
    );
};
