/**
 * Bounds the bytes of publishes that await their acknowledgement, over all connections: above it sockets are not read. A part
 * of it is for connections that send little, so that they are read while a backlog waits for its turn.
 */
import type { Socket } from 'node:net';
import type { Metrics } from '../../../ports/metrics.ts';

/** Of the budget, for connections that send much. */
const SHARE_OF_HEAVY = 0.25;
/** Part of a second of work. More would only be older when its turn comes, and outlive the young generation while it waits. */
const MOST_OF_HEAVY_BYTES = 262_144;
/** Of a connection that sends much, at a time: a message or two of an agent, so that a thousand that drain get on alike. */
const HEAVY_READ_BYTES = 8_192;
/** What one read of another brings at most. */
const READ_BYTES = 65_536;

export class InboundBudget {
  readonly #limitBytes: number;
  readonly #metrics: Metrics;
  /** In the order in which they were held back; those first whose turn brought nothing, or a part of a frame alone. */
  readonly #owed = new Set<Socket>();
  readonly #waiting = new Set<Socket>();
  readonly #isHeavy = new WeakMap<Socket, boolean>();
  /** There was room for them; what others read with them may have taken it. */
  readonly #told = new WeakSet<Socket>();
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

  /** `hadPart`: what was read of it last ended no frame. @returns bytes; 0 when it is held back, and told when there is room again */
  mayRead(socket: Socket, hadPart = false): number {
    if (this.#heldBytes < this.#limitOf(socket)) {
      this.#told.delete(socket);
      return this.#readBytes(socket);
    }
    if (!this.#owed.has(socket) && !this.#waiting.has(socket)) {
      this.#metrics.count('inbound_paused_total');
      (hadPart || this.#told.has(socket) ? this.#owed : this.#waiting).add(socket);
    }
    return 0;
  }

  forget(socket: Socket): void {
    this.#owed.delete(socket);
    this.#waiting.delete(socket);
  }

  #limitOf(socket: Socket): number {
    if (this.#isHeavy.get(socket) !== true) return this.#limitBytes;
    return Math.min(this.#limitBytes * SHARE_OF_HEAVY, MOST_OF_HEAVY_BYTES);
  }

  #readBytes(socket: Socket): number {
    return this.#isHeavy.get(socket) === true ? HEAVY_READ_BYTES : READ_BYTES;
  }

  /**
   * Tells sockets that were held back that there is something to read, those first that wait longest: as many as there is room
   * for, and in the next turn as many as there is room for then, since one may have had nothing to say.
   */
  #wake(): void {
    if (this.#isWaking || this.#owed.size + this.#waiting.size === 0) return;
    const sockets = this.#withRoom();
    if (sockets.length === 0) return;
    this.#isWaking = true;
    setImmediate(() => {
      for (const socket of sockets) if (!socket.destroyed) this.#tell(socket);
      this.#isWaking = false;
      this.#wake();
    });
  }

  #tell(socket: Socket): void {
    this.#told.add(socket);
    socket.emit('readable');
  }

  #withRoom(): Socket[] {
    const sockets: Socket[] = [];
    let bytes = this.#heldBytes;
    for (const line of [this.#owed, this.#waiting]) {
      for (const socket of line) {
        if (bytes >= this.#limitOf(socket)) continue;
        sockets.push(socket);
        bytes += this.#readBytes(socket);
      }
    }
    for (const socket of sockets) this.forget(socket);
    return sockets;
  }
}
