/** The line that shows in a terminal what is on a channel, with `mosquitto_sub` of Debian's mosquitto-clients. */
import type { MqttChannel } from './mqtt-channels.ts';

/** Where a broker listens; a port may also be the name of a shell variable. */
export interface BrokerPlace {
  readonly host: string;
  readonly port: number | string;
}

/** Whether others than the device may subscribe, and something is published there by this version. */
export const isForSubscribers = ({ address, publisher, messages }: MqttChannel): boolean =>
  publisher === 'server' && !address.startsWith('shoal/v1/devices/') && Object.keys(messages).length > 0;

/** A topic with its parameters as wildcards. */
const filterOf = ({ address }: MqttChannel): string => address.replaceAll(/\{\w+\}/g, '+');

/** Third parties connect with an id of their own that starts with `sub-`; they may not see a device's own topics. */
export const subscribeLine = (channel: MqttChannel, { host, port }: BrokerPlace): string =>
  `mosquitto_sub -h ${host} -p ${port} -V mqttv311 -i "sub-$USER-$$" -v -t '${filterOf(channel)}'`;
