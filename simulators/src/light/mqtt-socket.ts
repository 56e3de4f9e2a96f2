/** MQTT 3.1.1 on a plain socket: the few packets a device needs, a few kilobytes per connection. */
import { connect, type Socket } from 'node:net';
import { generate, parser, type Packet } from 'mqtt-packet';

export interface MqttSocketOptions {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  readonly keepaliveSeconds: number;
  readonly will: { readonly topic: string; readonly payload: Uint8Array };
}

export interface MqttSocketHandlers {
  /** CONNACK with return code 0. */
  readonly onConnected: () => void;
  readonly onSubscribed: () => void;
  /** A PUBLISH; QoS 1 is acknowledged already. */
  readonly onMessage: (topic: string, payload: Uint8Array) => void;
  readonly onAcknowledged: (messageId: number) => void;
  /** Once, whatever ended the connection. */
  readonly onClosed: (why: string) => void;
}

export interface MqttSocket {
  readonly publish: (topic: string, payload: Uint8Array, messageId: number) => void;
  readonly subscribe: (filter: string) => void;
  readonly ping: () => void;
  /** DISCONNECT after everything written, then FIN. */
  readonly end: () => void;
  /** At once, without a word: the broker sends the will. */
  readonly destroy: (why: string) => void;
}

const SUBSCRIBE_ID = 0xff_ff;

const dispatch = (packet: Packet, socket: Socket, handlers: MqttSocketHandlers): void => {
  if (packet.cmd === 'puback') {
    if (packet.messageId !== undefined) handlers.onAcknowledged(packet.messageId);
  } else if (packet.cmd === 'publish') {
    if (packet.qos === 1 && packet.messageId !== undefined) {
      socket.write(generate({ cmd: 'puback', messageId: packet.messageId }));
    }
    handlers.onMessage(packet.topic, Buffer.from(packet.payload));
  } else if (packet.cmd === 'suback') {
    handlers.onSubscribed();
  } else if (packet.cmd === 'connack') {
    if (packet.returnCode === 0) handlers.onConnected();
    else socket.destroy(new Error(`connection refused with code ${packet.returnCode}`));
  }
};

/** Opens a socket and sends CONNECT. */
export const openMqttSocket = (options: MqttSocketOptions, handlers: MqttSocketHandlers): MqttSocket => {
  const socket = connect({ host: options.host, port: options.port, noDelay: true });
  const packets = parser({ protocolVersion: 4 });
  let why = 'closed by the server';
  const fail = (error: unknown): void => {
    why = error instanceof Error ? error.message : String(error);
    socket.destroy();
  };
  packets.on('packet', (packet) => {
    try {
      dispatch(packet, socket, handlers);
    } catch (error) {
      fail(error);
    }
  });
  packets.on('error', fail);
  socket.on('data', (chunk) => void packets.parse(chunk));
  socket.on('error', fail);
  socket.on('close', () => handlers.onClosed(why));
  socket.write(
    generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: options.clientId,
      keepalive: options.keepaliveSeconds,
      will: { topic: options.will.topic, payload: Buffer.from(options.will.payload), qos: 1, retain: false },
    }),
  );
  return {
    publish: (topic, payload, messageId) => {
      socket.write(
        generate({
          cmd: 'publish',
          topic,
          payload: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
          qos: 1,
          dup: false,
          retain: false,
          messageId,
        }),
      );
    },
    subscribe: (topic) => {
      socket.write(generate({ cmd: 'subscribe', messageId: SUBSCRIBE_ID, subscriptions: [{ topic, qos: 1 }] }));
    },
    ping: () => void socket.write(generate({ cmd: 'pingreq' })),
    end: () => void socket.end(generate({ cmd: 'disconnect' })),
    destroy: (reason) => fail(new Error(reason)),
  };
};
