/** Both directions of one proxied connection, under conditions that change while it lives. */
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../seeded-random.ts';
import { GOOD_NETWORK, type NetworkConditions } from './network-conditions.ts';

/** Bytes a direction holds back before it stops reading: backpressure, as a full send buffer would make. */
const HELD_BYTES = 262_144;

interface Chunk {
  readonly bytes: Buffer;
  readonly dueAt: number;
}

/** The sockets must be half-open capable: an end is passed on only after everything before it. */
export class ProxiedLink {
  private readonly sockets: readonly [Socket, Socket];
  private readonly random: Random;
  private conditions: NetworkConditions = GOOD_NETWORK;
  private bytesUntilReset = Number.POSITIVE_INFINITY;
  private openSockets = 2;
  private closed = false;
  private swallowed = 0;
  private changed = Promise.withResolvers<void>();

  constructor(sockets: readonly [Socket, Socket], random: Random) {
    this.sockets = sockets;
    this.random = random;
  }

  /** Bytes that a blackhole took. */
  get swallowedBytes(): number {
    return this.swallowed;
  }

  start(onClosed: () => void): void {
    const [client, target] = this.sockets;
    for (const socket of this.sockets) {
      socket.on('error', () => this.reset());
      socket.on('close', () => {
        this.openSockets -= 1;
        if (this.openSockets > 0) return;
        this.closed = true;
        this.wake();
        onClosed();
      });
    }
    void this.carry(client, target);
    void this.carry(target, client);
  }

  applyConditions(conditions: NetworkConditions): void {
    this.conditions = conditions;
    this.bytesUntilReset = conditions.resetAfterBytes === 0 ? Number.POSITIVE_INFINITY : conditions.resetAfterBytes;
    this.wake();
  }

  /** RST to both sides, now. */
  reset(): void {
    if (this.closed) return;
    this.closed = true;
    for (const socket of this.sockets) socket.resetAndDestroy();
    this.wake();
  }

  private wake(): void {
    this.changed.resolve();
    this.changed = Promise.withResolvers<void>();
  }

  private async carry(from: Socket, to: Socket): Promise<void> {
    const queue: Chunk[] = [];
    let heldBytes = 0;
    let ended = false;
    from.on('data', (bytes: Buffer) => {
      const { latencyMs, jitterMs } = this.conditions;
      const earliest = queue.at(-1)?.dueAt ?? 0;
      queue.push({ bytes, dueAt: Math.max(earliest, performance.now() + latencyMs + jitterMs * this.random()) });
      heldBytes += bytes.length;
      if (heldBytes > HELD_BYTES) from.pause();
      this.wake();
    });
    from.on('end', () => {
      ended = true;
      this.wake();
    });
    from.resume();
    while (!this.closed) {
      const chunk = queue.shift();
      if (chunk !== undefined) {
        await this.deliver(chunk, to);
        heldBytes -= chunk.bytes.length;
        if (heldBytes <= HELD_BYTES) from.resume();
      } else if (ended) {
        to.end();
        return;
      } else {
        await this.changed.promise;
      }
    }
  }

  private async deliver(chunk: Chunk, to: Socket): Promise<void> {
    const waitMs = chunk.dueAt - performance.now();
    if (waitMs > 0) await pause(waitMs);
    while (this.conditions.stalled && !this.closed) await this.changed.promise;
    if (this.conditions.blackhole) {
      this.swallowed += chunk.bytes.length;
      return;
    }
    const { dribbleBytes, dribblePauseMs } = this.conditions;
    const size = dribbleBytes === 0 ? chunk.bytes.length : dribbleBytes;
    for (let start = 0; start < chunk.bytes.length && !this.closed; start += size) {
      if (start > 0) await pause(dribblePauseMs);
      this.write(chunk.bytes.subarray(start, start + size), to);
    }
  }

  private write(bytes: Buffer, to: Socket): void {
    if (this.closed) return;
    if (bytes.length < this.bytesUntilReset) {
      this.bytesUntilReset -= bytes.length;
      to.write(bytes);
    } else {
      to.write(bytes.subarray(0, this.bytesUntilReset), () => this.reset());
      this.bytesUntilReset = 0;
    }
  }
}
