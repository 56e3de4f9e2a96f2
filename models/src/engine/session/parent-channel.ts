/** The socket of an engine process as its own side uses it: one request in, one answer out, and asleep in the kernel between them. */
import { readSync, writeSync } from 'node:fs';
import type { ChildMessage, ChildRequest } from '../child/framing.ts';
import { decodeFrame, encodeFrame, frameBytes, PREFIX_BYTES } from '../child/wire.ts';

/** The first beyond the standard ones, as `spawn-child.ts` lays it. */
export const CHANNEL_FD = 3;
const ROOM_BYTES = 65_536;

/**
 * Waits without an event loop: its rounds and its streams would cost more than a small model takes. The parent may send the next
 * request before the answer to the last one.
 */
export class ParentChannel {
  readonly #fd: number;
  readonly #room = Buffer.allocUnsafeSlow(ROOM_BYTES);
  /** What was read behind the last request, in the room. */
  #rest = { from: 0, bytes: 0 };

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Blocks. Null when the parent is gone. The tensors of a request last until the next one is read. */
  receive(): ChildRequest | null {
    let held = this.#takeRest();
    while (held < PREFIX_BYTES) {
      const bytes = this.#read(this.#room, held);
      if (bytes === 0) return null;
      held += bytes;
    }
    const size = frameBytes(this.#room);
    if (size === null) throw new Error('The parent sent what is no request');
    let frame = this.#room;
    if (size > ROOM_BYTES) {
      frame = Buffer.allocUnsafeSlow(size);
      this.#room.copy(frame, 0, 0, held);
    }
    while (held < size) {
      const bytes = this.#read(frame, held);
      if (bytes === 0) return null;
      held += bytes;
    }
    this.#rest = { from: size, bytes: held - size };
    return decodeFrame(frame.subarray(0, size)) as ChildRequest;
  }

  #read(into: Buffer, from: number): number {
    return readSync(this.#fd, into, from, into.byteLength - from, null);
  }

  /** To the beginning of the room, where data is aligned. */
  #takeRest(): number {
    const { from, bytes } = this.#rest;
    this.#room.copyWithin(0, from, from + bytes);
    this.#rest = { from: 0, bytes: 0 };
    return bytes;
  }

  /** Blocks until the parent's side has room. */
  send(message: ChildMessage): void {
    const frame = encodeFrame(message);
    for (let sent = 0; sent < frame.byteLength;) sent += writeSync(this.#fd, frame, sent);
  }
}
