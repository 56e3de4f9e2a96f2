/** The AsyncAPI 3.0 document of the MQTT contract, generated from the channel table and the zod schemas. */
import { z } from 'zod';
import { MQTT_CHANNELS, type MqttChannel } from './mqtt-channels.ts';
import { examplesOf } from './schema-examples.ts';
import { isForSubscribers, subscribeLine, type BrokerPlace } from './subscribe-line.ts';

/** A JSON document, as parsed. */
export type AsyncApiDocument = Readonly<Record<string, unknown>>;

interface Reference {
  readonly $ref: string;
}
const refer = (...path: string[]): Reference => ({ $ref: `#/${path.join('/')}` });

/** `shoal/v1/devices/{deviceId}/up/request/twin.get` → `devices-deviceId-up-request-twin-get`. */
const nameOf = (channel: MqttChannel): string =>
  channel.address.split('/').slice(2).join('-').replaceAll('.', '-').replaceAll(/[{}]/g, '');

const byName = <T>(render: (channel: MqttChannel) => T): Record<string, T> =>
  Object.fromEntries(MQTT_CHANNELS.map((channel) => [nameOf(channel), render(channel)]));

const messageRefs = (channel: MqttChannel): Reference[] =>
  Object.keys(channel.messages).map((name) => refer('channels', nameOf(channel), 'messages', name));

const channelOf = (channel: MqttChannel, place: BrokerPlace): object => ({
  address: channel.address,
  summary: channel.summary,
  ...(isForSubscribers(channel) && { description: `Listen with \`${subscribeLine(channel, place)}\`` }),
  ...(Object.keys(channel.parameters).length > 0 && {
    parameters: Object.fromEntries(
      Object.entries(channel.parameters).map(([name, { description, values }]) => [
        name,
        { description, ...(values && { enum: values }) },
      ]),
    ),
  }),
  messages: Object.fromEntries(
    Object.keys(channel.messages).map((name) => [name, refer('components', 'messages', name)]),
  ),
});

/** From the server's side: it sends what it publishes itself and receives the rest. */
const operationOf = (channel: MqttChannel): object => {
  const replies = MQTT_CHANNELS.find(({ builder }) => builder === 'reply');
  return {
    action: channel.publisher === 'server' ? 'send' : 'receive',
    channel: refer('channels', nameOf(channel)),
    summary: channel.summary,
    messages: messageRefs(channel),
    bindings: { mqtt: { qos: channel.qos, retain: channel.retained } },
    ...(channel.builder === 'request' && replies && { reply: { channel: refer('channels', nameOf(replies)) } }),
  };
};

const payloads = (): Record<string, z.ZodType> =>
  Object.fromEntries(MQTT_CHANNELS.flatMap((channel) => Object.entries(channel.messages)));

const messageOf = (name: string, schema: z.ZodType): object => ({
  name,
  contentType: 'application/json',
  payload: refer('components', 'schemas', name),
  examples: examplesOf(schema).map((payload) => ({ payload })),
});

/** Every payload and every named schema below it. As decoders do, they let unknown fields pass. */
const schemas = (): Record<string, unknown> => {
  const { definitions } = z.toJSONSchema(z.object(payloads()), { io: 'input', target: 'draft-7' });
  const text = JSON.stringify(definitions).replaceAll('#/definitions/', '#/components/schemas/');
  return JSON.parse(text) as Record<string, unknown>;
};

/** `127.0.0.1:1883`, or without a port that only the ready line of the server names. */
const placeOf = (host: string): BrokerPlace => {
  const [, name = host, port = '"$MQTT_PORT"'] = /^(.*):(\d+)$/.exec(host) ?? [];
  return { host: name, port };
};

/** `host` is where the broker listens, for example `127.0.0.1:1883`. */
export const asyncApiDocument = (version: string, host: string): AsyncApiDocument => ({
  asyncapi: '3.0.0',
  info: {
    title: 'Shoal over MQTT',
    version,
    description:
      'MQTT 3.1.1. Payloads are JSON in UTF-8; a payload whose first byte is 0x1f is gzip. ' +
      'Devices publish under their own up/ and subscribe to their own down/; live/, windows/, predictions/, alerts/, rollouts/ and fleet/ are for third parties.',
    license: { name: 'Apache-2.0' },
  },
  defaultContentType: 'application/json',
  servers: { fleet: { host, protocol: 'mqtt', protocolVersion: '3.1.1' } },
  channels: byName((channel) => channelOf(channel, placeOf(host))),
  operations: byName(operationOf),
  components: {
    messages: Object.fromEntries(Object.entries(payloads()).map(([name, schema]) => [name, messageOf(name, schema)])),
    schemas: schemas(),
  },
});
