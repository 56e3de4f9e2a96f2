/** The socket of an engine process as its own side uses it: one request in, one answer out, and asleep in the kernel between them. */
import { readSync, writeSync } from 'node:fs';
import type { ChildMessage, ChildRequest } from '../child/framing.ts';
import { decodeFrame, encodeFrame, frameBytes, PREFIX_BYTES } from '../child/wire.ts';

/** The first beyond the standard ones, as `spawn-child.ts` lays it. */
export const CHANNEL_FD = 3;
const ROOM_BYTES = 65_536;

/**
 * Waits without an event loop: its rounds and its streams would cost more than a small model takes. The parent sends the next
 * request only after the answer to the last one.
 */
export class ParentChannel {
  readonly #fd: number;
  readonly #room = Buffer.allocUnsafeSlow(ROOM_BYTES);

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Blocks. Null when the parent is gone. The tensors of a request last until the next one is read. */
  receive(): ChildRequest | null {
    let frame = this.#room;
    let held = 0;
    let size = PREFIX_BYTES;
    while (held < size) {
      const bytes = readSync(this.#fd, frame, held, frame.byteLength - held, null);
      if (bytes === 0) return null;
      const isFirst = held < PREFIX_BYTES;
      held += bytes;
      if (!isFirst || held < PREFIX_BYTES) continue;
      size = frameBytes(frame) ?? 0;
      if (size > ROOM_BYTES) {
        frame = Buffer.allocUnsafeSlow(size);
        this.#room.copy(frame, 0, 0, held);
      }
    }
    if (held !== size) throw new Error('The parent sent what is no request');
    return decodeFrame(frame.subarray(0, size)) as ChildRequest;
  }

  /** Blocks until the parent's side has room. */
  send(message: ChildMessage): void {
    const frame = encodeFrame(message);
    for (let sent = 0; sent < frame.byteLength;) sent += writeSync(this.#fd, frame, sent);
  }
}
