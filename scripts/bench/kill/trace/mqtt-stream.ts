/** Finds MQTT packets in what a process wrote to its sockets, and when each began to leave. */
import type { SocketWrite } from './operations.ts';

export interface SentPacket {
  /** Position in the trace at which the write that holds its first byte had not begun yet. */
  readonly startedAt: number;
  readonly remotePort: number;
  /** The two ports, for what holds within one connection. */
  readonly connection: string;
  /** [MQTT-2.2.1]: 3 = PUBLISH, 4 = PUBACK. */
  readonly type: number;
  readonly flags: number;
  /** Variable header and payload. */
  readonly body: Buffer;
}

export const PUBLISH = 3;
export const PUBACK = 4;

/** The bytes of one socket, cut into packets. */
class PacketCutter {
  private rest: Buffer = Buffer.alloc(0);
  private restStartedAt = 0;

  *take(write: SocketWrite): Generator<SentPacket> {
    let startedAt = this.rest.length > 0 ? this.restStartedAt : write.startedAt;
    let bytes = Buffer.concat([this.rest, write.data]);
    for (let size = packetBytes(bytes); size !== undefined && size.total <= bytes.length; size = packetBytes(bytes)) {
      const first = bytes[0] ?? 0;
      const body = bytes.subarray(size.header, size.total);
      yield {
        startedAt,
        remotePort: write.ends.remotePort,
        connection: connectionOf(write),
        type: first >> 4,
        flags: first & 0x0f,
        body,
      };
      bytes = bytes.subarray(size.total);
      startedAt = write.startedAt;
    }
    this.rest = bytes;
    this.restStartedAt = startedAt;
  }
}

const connectionOf = ({ ends }: SocketWrite): string => `${ends.localPort}-${ends.remotePort}`;

/** [MQTT-2.2.3] Remaining Length; undefined while the header is not whole. */
const packetBytes = (bytes: Buffer): { readonly header: number; readonly total: number } | undefined => {
  let length = 0;
  for (let index = 1; index <= 4 && index < bytes.length; index += 1) {
    const byte = bytes[index] ?? 0;
    length += (byte & 0x7f) * 128 ** (index - 1);
    if (byte < 0x80) return { header: index + 1, total: index + 1 + length };
  }
  return undefined;
};

/** Packets on connections that `belongs` accepts, in the order in which they began to leave. */
export const sentPackets = (
  sent: readonly SocketWrite[],
  belongs: (ends: SocketWrite['ends']) => boolean,
): SentPacket[] => {
  const cutters = new Map<string, PacketCutter>();
  const packets: SentPacket[] = [];
  for (const write of sent.filter(({ ends }) => belongs(ends))) {
    const connection = connectionOf(write);
    const cutter = cutters.get(connection) ?? new PacketCutter();
    cutters.set(connection, cutter);
    packets.push(...cutter.take(write));
  }
  return packets.sort((a, b) => a.startedAt - b.startedAt);
};
