/** Bounds the bytes of publishes that await their acknowledgement, over all connections: above it sockets are not read. */
import type { Socket } from 'node:net';
import type { Metrics } from '../../../ports/metrics.ts';

export class InboundBudget {
  readonly #limitBytes: number;
  readonly #metrics: Metrics;
  readonly #waiting = new Set<Socket>();
  #heldBytes = 0;

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

  /** Sockets that were held back are told that there is something to read. */
  release(bytes: number): void {
    this.#heldBytes -= bytes;
    if (this.#waiting.size === 0 || this.#heldBytes >= this.#limitBytes) return;
    const sockets = [...this.#waiting];
    this.#waiting.clear();
    for (const socket of sockets) if (!socket.destroyed) setImmediate(() => socket.emit('readable'));
  }

  mayRead(socket: Socket): boolean {
    if (this.#heldBytes < this.#limitBytes) return true;
    if (!this.#waiting.has(socket)) {
      this.#metrics.count('inbound_paused_total');
      this.#waiting.add(socket);
    }
    return false;
  }

  forget(socket: Socket): void {
    this.#waiting.delete(socket);
  }
}
