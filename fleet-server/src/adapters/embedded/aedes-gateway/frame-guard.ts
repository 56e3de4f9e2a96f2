/**
 * Stands between a socket and the MQTT parser, which buffers frames of any length: reads fixed headers only and refuses
 * a frame over the limit before its body is kept.
 */
import type { Socket } from 'node:net';
import { BOUNDS } from '@shoal/protocol';

/** A payload may be `BOUNDS.frameBytes` long; fixed header, topic and packet id come on top of it. */
const ENVELOPE_BYTES = 512;
/** [MQTT-2.2.3] the remaining length has at most four bytes. */
const LENGTH_BYTES = 4;

/** Follows the frames of one byte stream; holds no bytes. */
export class FrameScanner {
  #limit: number = BOUNDS.frameBeforeConnackBytes;
  #bodyLeft = 0;
  /** Bytes of the remaining-length field read so far; -1 outside of a fixed header. */
  #lengthBytes = -1;
  #length = 0;

  /** From CONNACK on the larger limit holds. */
  connected(): void {
    this.#limit = BOUNDS.frameBytes + ENVELOPE_BYTES;
  }

  /** @returns false when a frame is over the limit or its length is malformed; the stream is then of no further use */
  accepts(chunk: Uint8Array): boolean {
    let index = 0;
    while (index < chunk.length) {
      if (this.#bodyLeft > 0) {
        const step = Math.min(this.#bodyLeft, chunk.length - index);
        this.#bodyLeft -= step;
        index += step;
      } else if (!this.#headerByte(chunk[index++] ?? 0)) {
        return false;
      }
    }
    return true;
  }

  #headerByte(byte: number): boolean {
    if (this.#lengthBytes < 0) {
      this.#lengthBytes = 0;
      this.#length = 0;
      return true;
    }
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes;
    this.#lengthBytes += 1;
    if (byte & 0x80) return this.#lengthBytes < LENGTH_BYTES;
    if (this.#length + 1 + this.#lengthBytes > this.#limit) return false;
    this.#bodyLeft = this.#length;
    this.#lengthBytes = -1;
    return true;
  }
}

interface Guard {
  readonly scanner: FrameScanner;
  /** False while the budget of unacknowledged bytes is spent: the socket is then not read, TCP slows the sender down. */
  readonly mayRead: (socket: Socket) => boolean;
  readonly onRefusal: () => void;
}

/**
 * Aedes pulls with `socket.read()`; the guard wraps exactly that call, so nothing is copied and no stream is added per
 * connection.
 */
export const guardSocket = (socket: Socket, guard: Guard): void => {
  const read = socket.read.bind(socket) as (size?: number) => Buffer | null;
  socket.read = (size?: number): Buffer | null => {
    // Streams call read(0) themselves to fill their buffer.
    if (size === 0) return read(size);
    if (!guard.mayRead(socket)) return null;
    const chunk = read(size);
    if (chunk === null || guard.scanner.accepts(chunk)) return chunk;
    guard.onRefusal();
    socket.destroy();
    return null;
  };
};
