/**
 * Bounds the bytes of publishes that await their acknowledgement, over all connections: above it sockets are not read. A part
 * of it is for connections that send little, so that they are read while a backlog waits for its turn.
 */
import type { Socket } from 'node:net';
import type { Metrics } from '../../../ports/metrics.ts';

/** Of the budget, for connections that send much: seconds of work, and more would only be older when its turn comes. */
const SHARE_OF_HEAVY = 0.25;
/** What one read of a socket brings at most. */
const READ_BYTES = 65_536;

export class InboundBudget {
  readonly #limitBytes: number;
  readonly #metrics: Metrics;
  /** In the order in which they were held back. */
  readonly #waiting = new Set<Socket>();
  readonly #isHeavy = new WeakMap<Socket, boolean>();
  #heldBytes = 0;
  #isWaking = false;

  constructor(limitBytes: number, metrics: Metrics) {
    this.#limitBytes = limitBytes;
    this.#metrics = metrics;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  hold(bytes: number): void {
    this.#heldBytes += bytes;
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
    this.#wake();
  }

  /** A connection is what its last publish of records was; undefined is a publish of something else, after which it has to show. */
  weigh(socket: Socket, isHeavy: boolean | undefined): void {
    this.#isHeavy.set(socket, isHeavy ?? this.#isHeavy.get(socket) ?? true);
  }

  mayRead(socket: Socket): boolean {
    if (this.#heldBytes < this.#limitOf(socket)) return true;
    if (!this.#waiting.has(socket)) {
      this.#metrics.count('inbound_paused_total');
      this.#waiting.add(socket);
    }
    return false;
  }

  forget(socket: Socket): void {
    this.#waiting.delete(socket);
  }

  #limitOf(socket: Socket): number {
    return this.#isHeavy.get(socket) === true ? this.#limitBytes * SHARE_OF_HEAVY : this.#limitBytes;
  }

  /**
   * Tells sockets that were held back that there is something to read, those first that wait longest: as many as there is room
   * for, and in the next turn as many as there is room for then, since one may have had nothing to say.
   */
  #wake(): void {
    if (this.#isWaking || this.#waiting.size === 0) return;
    const sockets = this.#withRoom();
    if (sockets.length === 0) return;
    this.#isWaking = true;
    setImmediate(() => {
      for (const socket of sockets) if (!socket.destroyed) socket.emit('readable');
      this.#isWaking = false;
      this.#wake();
    });
  }

  #withRoom(): Socket[] {
    const sockets: Socket[] = [];
    let bytes = this.#heldBytes;
    for (const socket of this.#waiting) {
      if (bytes >= this.#limitOf(socket)) continue;
      sockets.push(socket);
      bytes += READ_BYTES;
    }
    for (const socket of sockets) this.#waiting.delete(socket);
    return sockets;
  }
}
