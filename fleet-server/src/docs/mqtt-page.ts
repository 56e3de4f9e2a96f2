/** The MQTT topics as a page, with a line for each that a terminal understands. */
import { examplesOf, MQTT_CHANNELS, type MqttChannel } from '@shoal/protocol';
import { html, type Html } from '../html.ts';
import { commandLine, jsonBlock, page } from './page.ts';

/** Where the broker listens; port 0 means one that only the ready line names. */
export interface Broker {
  readonly host: string;
  readonly port: number;
}

/** A topic with its parameters as wildcards. */
const filterOf = (channel: MqttChannel): string => channel.address.replaceAll(/\{\w+\}/g, '+');

/** Third parties connect with an id of their own that starts with `sub-`; they may not see a device's own topics. */
const subscribeLine = (filter: string, broker: Broker): string =>
  `mosquitto_sub -h ${broker.host} -p ${broker.port === 0 ? '"$MQTT_PORT"' : broker.port} -V mqttv311 -i "sub-$USER-$$" -v -t '${filter}'`;

const isPublic = (channel: MqttChannel): boolean => !channel.address.startsWith('shoal/v1/devices/');

const messageSection = ([name, schema]: [string, Parameters<typeof examplesOf>[0]]): Html =>
  html`<h3>${name}</h3>
    ${examplesOf(schema).map(jsonBlock)}`;

const channelSection = (channel: MqttChannel, broker: Broker): Html => {
  const messages = Object.entries(channel.messages);
  const parameters = Object.entries(channel.parameters);
  return html`<details>
    <summary><code>${channel.address}</code> <span class="soft">${channel.summary}</span></summary>
    <p class="soft">QoS ${channel.qos}${channel.retained && ', retained'}, published by the ${channel.publisher}.</p>
    ${isPublic(channel) && messages.length > 0 && commandLine(subscribeLine(filterOf(channel), broker))}
    ${
      parameters.length > 0 &&
      html`<table>
        ${parameters.map(
          ([name, { description, values }]) =>
            html`<tr>
              <td><code>${name}</code></td>
              <td>${description}${values && ` One of ${values.join(', ')}.`}</td>
            </tr>`,
        )}
      </table>`
    }
    ${messages.map(messageSection)}
  </details>`;
};

const section = (title: string, channels: readonly MqttChannel[], broker: Broker): Html =>
  html`<section>
    <h2>${title}</h2>
    ${channels.map((channel) => channelSection(channel, broker))}
  </section>`;

export const mqttPage = (broker: Broker): string => {
  const [open, own] = [MQTT_CHANNELS.filter(isPublic), MQTT_CHANNELS.filter((channel) => !isPublic(channel))];
  return page('MQTT topics', [
    html`<p>
      MQTT 3.1.1. Payloads are JSON in UTF-8; a payload whose first byte is 0x1f is gzip. A device connects with its id
      as client id, publishes under its own <code>up/</code> and subscribes to its own <code>down/#</code>. Anybody else
      connects with a client id that starts with <code>sub-</code>, and may subscribe to what is under “For everybody”.
    </p>`,
    broker.port === 0 &&
      html`<p>The broker's port was chosen at start: <code>MQTT_PORT</code> is in the server's ready line.</p>`,
    section('For everybody', open, broker),
    section(
      'From a device',
      own.filter(({ publisher }) => publisher === 'device'),
      broker,
    ),
    section(
      'To a device',
      own.filter(({ publisher }) => publisher === 'server'),
      broker,
    ),
  ]);
};
