/** The few MQTT 3.1.1 packets a load generator needs, as bytes: it must cost less than what it measures. */

const length = (bytes: number): number[] => {
  const encoded: number[] = [];
  let left = bytes;
  do {
    const digit = left % 128;
    left = Math.floor(left / 128);
    encoded.push(left > 0 ? digit | 0x80 : digit);
  } while (left > 0);
  return encoded;
};

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value, 'utf8');
  const prefixed = Buffer.allocUnsafe(bytes.length + 2);
  prefixed.writeUInt16BE(bytes.length, 0);
  bytes.copy(prefixed, 2);
  return prefixed;
};

export const connectPacket = (clientId: string, keepAliveSeconds: number): Buffer => {
  const id = text(clientId);
  const head = Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, keepAliveSeconds >> 8, keepAliveSeconds & 0xff]);
  return Buffer.concat([Buffer.from([0x10, ...length(head.length + id.length)]), head, id]);
};

/** QoS 1; the packet id is set when it is sent, at `packetIdAt`. */
export interface PublishPacket {
  readonly bytes: Buffer;
  readonly packetIdAt: number;
}

export const publishPacket = (topic: string, payload: Uint8Array): PublishPacket => {
  const name = text(topic);
  const header = Buffer.from([0x32, ...length(name.length + 2 + payload.length)]);
  const bytes = Buffer.concat([header, name, Buffer.alloc(2), payload]);
  return { bytes, packetIdAt: header.length + name.length };
};

export const PINGREQ = Buffer.from([0xc0, 0]);
export const CONNACK_TYPE = 2;
export const PUBACK_TYPE = 4;

/** Splits a byte stream into packets, keeping only what a generator looks at. */
export class PacketReader {
  readonly #onPacket: (type: number, body: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  /** `body` is only valid during the call. */
  constructor(onPacket: (type: number, body: Buffer) => void) {
    this.#onPacket = onPacket;
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      const end = packetEnd(bytes, at);
      if (end === undefined) break;
      this.#onPacket((bytes[at] ?? 0) >> 4, bytes.subarray(end.bodyAt, end.end));
      at = end.end;
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
  }
}

const packetEnd = (bytes: Buffer, at: number): { bodyAt: number; end: number } | undefined => {
  let size = 0;
  for (let digit = 0; digit < 4; digit += 1) {
    const byte = bytes[at + 1 + digit];
    if (byte === undefined) return undefined;
    size += (byte & 0x7f) * 128 ** digit;
    if (byte < 0x80) {
      const bodyAt = at + 2 + digit;
      return bodyAt + size <= bytes.length ? { bodyAt, end: bodyAt + size } : undefined;
    }
  }
  return undefined;
};
