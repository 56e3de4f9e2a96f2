/** A bare socket that speaks MQTT as badly as a test wants. */
import { connect, type Socket } from 'node:net';
import { generate, parser, type Packet } from 'mqtt-packet';

export class RawMqtt {
  readonly packets: Packet[] = [];
  readonly #socket: Socket;
  #closed = false;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const incoming = parser({ protocolVersion: 4 });
    incoming.on('packet', (packet) => this.packets.push(packet));
    this.#socket.on('data', (chunk) => incoming.parse(chunk));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#closed = true;
    });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  count(cmd: Packet['cmd']): number {
    return this.packets.filter((packet) => packet.cmd === cmd).length;
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  send(packet: Packet): void {
    this.write(generate(packet, { protocolVersion: 4 }));
  }

  connect(clientId: string, part: object = {}): void {
    const fixed = { protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 0 } as const;
    this.send({ cmd: 'connect', clientId, ...fixed, ...part });
  }

  publish(topic: string, payload: Uint8Array | string, messageId: number, qos: 0 | 1 | 2 = 1): void {
    this.send({ cmd: 'publish', topic, payload: Buffer.from(payload), qos, messageId, dup: false, retain: false });
  }

  /** Nothing is read any more: what the server sends piles up. */
  stopReading(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.destroy();
  }
}
