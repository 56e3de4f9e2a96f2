/** One MQTT connection on a bare socket: pipelines publishes up to a window and times their acknowledgements. */
import { connect, type Socket } from 'node:net';
import { CONNACK_TYPE, PUBACK_TYPE, PacketReader, connectPacket, type PublishPacket } from './mqtt-bytes.ts';

const PACKET_IDS = 65_535;

interface Sent {
  readonly at: number;
  readonly onAck: ((latencyMs: number) => void) | undefined;
}

export class RawMqttClient {
  readonly clientId: string;
  readonly #sentAt = new Map<number, Sent>();
  #socket: Socket | undefined;
  #lastPacketId = 0;
  #onAck: (latencyMs: number) => void = () => undefined;
  #onClose: () => void = () => undefined;

  constructor(clientId: string) {
    this.clientId = clientId;
  }

  get inFlight(): number {
    return this.#sentAt.size;
  }

  /** Resolves with CONNACK. */
  async open(port: number, keepAliveSeconds = 0): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      this.#socket = socket;
      const reader = new PacketReader((type, body) => {
        if (type === CONNACK_TYPE) {
          if (body[1] === 0) resolve();
          else reject(new Error(`CONNACK ${body[1]} for ${this.clientId}`));
        } else if (type === PUBACK_TYPE) {
          this.#acked(body.readUInt16BE(0));
        }
      });
      socket.on('data', (chunk: Buffer) => reader.push(chunk));
      socket.on('error', reject);
      socket.on('close', () => this.#onClose());
      socket.write(connectPacket(this.clientId, keepAliveSeconds));
    });
  }

  onAck(listener: (latencyMs: number) => void): void {
    this.#onAck = listener;
  }

  onClose(listener: () => void): void {
    this.#onClose = listener;
  }

  /** `onAck` hears of this publish alone, instead of the listener of all. */
  publish(packet: PublishPacket, onAck?: (latencyMs: number) => void): void {
    this.#lastPacketId = (this.#lastPacketId % PACKET_IDS) + 1;
    packet.bytes.writeUInt16BE(this.#lastPacketId, packet.packetIdAt);
    this.#sentAt.set(this.#lastPacketId, { at: performance.now(), onAck });
    this.#socket?.write(packet.bytes);
  }

  write(bytes: Buffer): void {
    this.#socket?.write(bytes);
  }

  /** What is written between leaves in one system call. */
  together(work: () => void): void {
    this.#socket?.cork();
    work();
    this.#socket?.uncork();
  }

  close(): void {
    this.#socket?.destroy();
  }

  #acked(packetId: number): void {
    const sent = this.#sentAt.get(packetId);
    if (sent === undefined) return;
    this.#sentAt.delete(packetId);
    (sent.onAck ?? this.#onAck)(performance.now() - sent.at);
  }
}
