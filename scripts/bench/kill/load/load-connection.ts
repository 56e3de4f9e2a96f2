/** One MQTT 3.1.1 connection of a load device, up to the reply to its birth: written for the bench, so that it shares no fault with what it tests. */
import { connect, type Socket } from 'node:net';
import { birthReplySchema, decodeFrame, encodeFrame, replySchema, topics, type Birth } from '@shoal/protocol';
import { generate, parser, type Packet } from 'mqtt-packet';

export interface LoadConnectionOptions {
  readonly port: number;
  readonly deviceId: string;
  readonly connectionId: string;
  readonly epoch: string;
  /** The server answered the birth: records may be sent. */
  readonly onReady: (highestSequence: number) => void;
  readonly onAcknowledged: (messageId: number) => void;
  readonly onClosed: () => void;
}

const SUBSCRIBE_ID = 1;
const BIRTH_ID = 2;
/** Below it are the packets that make the connection. */
export const FIRST_MESSAGE_ID = 3;

export class LoadConnection {
  private readonly options: LoadConnectionOptions;
  private readonly socket: Socket;

  constructor(options: LoadConnectionOptions) {
    this.options = options;
    this.socket = connect({ host: '127.0.0.1', port: options.port, noDelay: true });
  }

  start(): void {
    const packets = parser({ protocolVersion: 4 });
    packets.on('packet', (packet) => this.take(packet));
    packets.on('error', () => this.socket.destroy());
    this.socket.on('data', (chunk) => void packets.parse(chunk));
    // What a killed server leaves; 'close' follows.
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => this.options.onClosed());
    this.socket.write(
      generate({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clean: true,
        clientId: this.options.deviceId,
        keepalive: 600,
      }),
    );
  }

  /** Undefined until connected. */
  get localPort(): number | undefined {
    return this.socket.localPort;
  }

  publish(topic: string, payload: Uint8Array, messageId: number): void {
    this.socket.write(
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
  }

  stop(): void {
    this.socket.end(generate({ cmd: 'disconnect' }));
  }

  private take(packet: Packet): void {
    const { deviceId } = this.options;
    if (packet.cmd === 'connack') {
      if (packet.returnCode === 0) this.subscribe();
      else this.socket.destroy();
    } else if (packet.cmd === 'suback') {
      this.publish(topics.presence(deviceId), encodeFrame(this.birth()), BIRTH_ID);
    } else if (packet.cmd === 'puback' && packet.messageId !== undefined) {
      this.options.onAcknowledged(packet.messageId);
    } else if (packet.cmd === 'publish') {
      if (packet.qos === 1 && packet.messageId !== undefined) {
        this.socket.write(generate({ cmd: 'puback', messageId: packet.messageId }));
      }
      if (packet.topic === topics.reply(deviceId, this.options.connectionId)) this.born(Buffer.from(packet.payload));
    }
  }

  private subscribe(): void {
    const subscriptions = [{ topic: topics.downFilter(this.options.deviceId), qos: 1 as const }];
    this.socket.write(generate({ cmd: 'subscribe', messageId: SUBSCRIBE_ID, subscriptions }));
  }

  private born(payload: Uint8Array): void {
    const reply = replySchema.parse(decodeFrame(payload));
    this.options.onReady(birthReplySchema.parse(reply.body).highestSequence);
  }

  private birth(): Birth {
    const { connectionId, epoch } = this.options;
    return {
      v: 1,
      state: 'online',
      connectionId,
      epoch,
      agentVersion: '0.1.0',
      hardwareClass: 'load',
      models: [],
      startedAt: Date.now(),
      twinVersion: 0,
    };
  }
}
