/**
 * Lets connections in: at once, or beside light traffic one after the other, because a fleet that comes back knocks all at once and
 * each that enters is read, recognised and born. Who waits is not read, so that it costs next to nothing.
 */
import type { Socket } from 'node:net';

/** Beside light traffic: 250 a second. */
const PAUSE_MS = 4;

interface FrontDoorOptions {
  readonly enter: (socket: Socket) => void;
  readonly hasTraffic: () => boolean;
  /** After every change. */
  readonly told: (waiting: number) => void;
}

export class FrontDoor {
  readonly #options: FrontDoorOptions;
  /** In the order in which they knocked. */
  readonly #waiting = new Set<Socket>();
  #pause: NodeJS.Timeout | undefined;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
  }

  knock(socket: Socket): void {
    if (this.#pause === undefined) {
      this.#enter(socket);
      return;
    }
    this.#waiting.add(socket);
    // Whatever goes wrong with it, it closes.
    socket.on('error', () => undefined);
    socket.once('close', () => this.#forget(socket));
    this.#options.told(this.#waiting.size);
  }

  /** Who waits is sent away. */
  close(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    for (const socket of this.#waiting) socket.destroy();
    this.#waiting.clear();
    this.#options.told(0);
  }

  #enter(socket: Socket): void {
    this.#options.enter(socket);
    if (!this.#options.hasTraffic()) return;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#next();
    }, PAUSE_MS);
  }

  #next(): void {
    for (const socket of this.#waiting) {
      this.#forget(socket);
      this.#enter(socket);
      if (this.#pause !== undefined) return;
    }
  }

  #forget(socket: Socket): void {
    if (this.#waiting.delete(socket)) this.#options.told(this.#waiting.size);
  }
}
