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
  #ended = 0;
  /** Bytes of the remaining-length field read so far; -1 outside of a fixed header. */
  #lengthBytes = -1;
  #length = 0;

  /** Frames that have ended so far. */
  get ended(): number {
    return this.#ended;
  }

  /** Bytes to come of the frame that has begun. */
  get bodyLeft(): number {
    return this.#bodyLeft;
  }

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
        if (this.#bodyLeft === 0) this.#ended += 1;
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
    if (this.#length === 0) this.#ended += 1;
    return true;
  }
}

interface Guard {
  readonly scanner: FrameScanner;
  /** Bytes; 0 while the budget of unacknowledged ones is spent: the socket is then not read, TCP slows the sender down. */
  readonly mayRead: (socket: Socket, hadPart: boolean) => number;
  readonly onRefusal: () => void;
}

/**
 * Aedes pulls with `socket.read()`; the guard wraps exactly that call, so nothing is copied and no stream is added per
 * connection.
 */
export const guardSocket = (socket: Socket, guard: Guard): void => {
  const { scanner } = guard;
  const read = socket.read.bind(socket) as (size?: number) => Buffer | null;
  /** What was read last ended no frame: the rest had not come. */
  let hadPart = false;
  const readSafely = (size?: number): Buffer | null => {
    const chunk = read(size);
    if (chunk === null || scanner.accepts(chunk)) return chunk;
    guard.onRefusal();
    socket.destroy();
    return null;
  };
  /** To the end of a frame at least, as far as it is there: who has seen none end asks for more only when more comes. */
  const readPart = (bytes: number): Buffer | null => {
    const before = scanner.ended;
    const part = readSafely(bytes);
    const left = Math.min(scanner.bodyLeft, socket.readableLength);
    const rest = part === null || scanner.ended > before || left === 0 ? null : readSafely(left);
    return part === null || rest === null ? part : Buffer.concat([part, rest]);
  };
  const readAsAllowed = (bytes: number, size: number | undefined): Buffer | null =>
    bytes < socket.readableLength ? readPart(bytes) : readSafely(size);
  socket.read = (size?: number): Buffer | null => {
    // Streams call read(0) themselves to fill their buffer.
    if (size === 0) return read(size);
    const bytes = guard.mayRead(socket, hadPart);
    if (bytes === 0) return null;
    const before = scanner.ended;
    const chunk = readAsAllowed(bytes, size);
    if (chunk !== null) hadPart = scanner.ended === before;
    return chunk;
  };
};
