/** `shoal sub`: what moves, as it is published over MQTT. */
import { decodeFrame, isDeviceId, ProtocolError, RECORD_KINDS, TOPIC_ROOT, topics } from '@shoal/protocol';
import type { Command } from 'commander';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { cliError } from './errors.ts';
import { messageLine } from './message-line.ts';
import { whole } from './moments.ts';
import { followTopic } from './subscription.ts';
import { harmless } from './terminal.ts';

interface SubscribeOptions {
  readonly count?: number;
  readonly seconds?: number;
}

const NAMES = 'live [DEVICE] [KIND], windows [STREAM], predictions [MODEL], alerts, summary';

const named = (word: string | undefined, what: string): string => {
  if (word === undefined) return '+';
  if (/^[A-Za-z0-9._-]{1,64}$/.test(word)) return word;
  throw cliError('USAGE_INVALID', `"${word}" is no ${what}.`);
};

const deviceNamed = (word: string | undefined): string | undefined => {
  if (word === undefined || word === '+' || isDeviceId(word)) return word;
  throw cliError('USAGE_INVALID', `"${word}" is no device id: 1-63 characters of a-z, 0-9 and "-".`);
};

const kindNamed = (word: string | undefined): (typeof RECORD_KINDS)[number] | undefined => {
  const kind = RECORD_KINDS.find((candidate) => candidate === word);
  if (word === undefined || kind !== undefined) return kind;
  throw cliError('USAGE_INVALID', `"${word}" is none of ${RECORD_KINDS.join(', ')}.`);
};

const FRIENDLY = new Map<string, { readonly most: number; readonly filter: (words: readonly string[]) => string }>([
  ['live', { most: 2, filter: ([device, kind]) => topics.liveFilter(deviceNamed(device), kindNamed(kind)) }],
  ['windows', { most: 1, filter: ([stream]) => topics.window(named(stream, 'name of a stream'), '+') }],
  ['predictions', { most: 1, filter: ([model]) => topics.prediction(named(model, 'name of a model'), '+') }],
  ['alerts', { most: 0, filter: () => topics.alert('+') }],
  ['summary', { most: 0, filter: () => topics.fleetSummary() }],
]);

const ROOTS = ['shoal/', 'homeassistant/', '$'];

/** `live pump-1`, or a topic filter: `live/+/events` is short for `shoal/v1/live/+/events`. @throws CliError USAGE_INVALID */
const filterOf = ([first = 'live', ...rest]: readonly string[]): string => {
  const friendly = FRIENDLY.get(first);
  if (rest.length > (friendly?.most ?? 0)) {
    throw cliError('USAGE_INVALID', `"${[first, ...rest].join(' ')}" says too much: ${NAMES}, or one topic filter.`);
  }
  if (friendly !== undefined) return friendly.filter(rest);
  return first === '#' || ROOTS.some((root) => first.startsWith(root)) ? first : `${TOPIC_ROOT}/${first}`;
};

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
  const { about, text } = messageLine(topic, content);
  terminal.data(`${time} ${terminal.paint('cyan', harmless(about))} ${harmless(text)}`);
};

const run = async (context: CommandContext, words: readonly string[], options: SubscribeOptions): Promise<void> => {
  const { count = Number.POSITIVE_INFINITY, seconds } = options;
  const { terminal, mqttUrl: url } = context;
  const filter = filterOf(words);
  const signal =
    seconds === undefined ? context.signal : AbortSignal.any([context.signal, AbortSignal.timeout(seconds * 1_000)]);
  let seen = 0;
  await followTopic({
    url,
    filter,
    signal,
    onStanding: (isAgain) =>
      terminal.talk(isAgain ? 'Connected again.' : `Subscribed to ${filter} at ${url}; Ctrl-C ends.`),
    onLost: () =>
      terminal.talk(`The broker at ${url} closed the connection; trying again. What comes meanwhile is missed.`),
    onMessage: (topic, payload) => {
      // More than asked for may be in the same packet.
      if (seen >= count) return true;
      seen += 1;
      print(context, topic, payload);
      return seen >= count;
    },
  });
  if (options.count !== undefined && seen < count && !context.signal.aborted) {
    throw cliError('MESSAGES_TIMED_OUT', `${seen} of ${count} messages came within ${seconds} s.`);
  }
};

export const addSubscribe = (program: Command, surroundings: Surroundings): void => {
  program
    .command('sub')
    .argument('[what...]', `${NAMES}; or a topic filter, shoal/v1/ may be left out`)
    .option('--count <n>', 'end after so many messages', whole(1, 1_000_000_000))
    .option('--seconds <n>', 'end after so many seconds', whole(1, 86_400))
    .description('print what is published over MQTT, for example live pump-01, alerts or summary')
    .action((words: readonly string[], options: SubscribeOptions, command: Command) =>
      run(contextOf(surroundings, command), words, options),
    );
};
