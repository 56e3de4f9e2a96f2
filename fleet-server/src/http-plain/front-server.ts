/** Node's HTTP server with plain requests taken before its parser; everything else about it is as ever. */
import { Server, type RequestListener, type ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import { AnswerText } from './answer-text.ts';
import { PlainConnection, type PlainHost } from './plain-connection.ts';
import type { PlainTaker } from './plain-exchange.ts';

/** Milliseconds between two looks at the connections; a request that is not whole within two of them goes to Node. */
const LOOK_MS = 500;
/** Milliseconds that Node waits beyond the time it tells a client. */
const KEEP_ALIVE_GRACE_MS = 1_000;

export interface FrontServerOptions extends ServerOptions {
  readonly keepAliveTimeout: number;
}

export class FrontServer extends Server implements PlainHost {
  readonly taker: PlainTaker;
  readonly text: AnswerText;
  isClosing = false;
  readonly #connections = new Set<PlainConnection>();
  readonly #nodeListener: (socket: Socket) => void;
  #looking: NodeJS.Timeout | undefined;

  constructor(options: FrontServerOptions, listener: RequestListener, taker: PlainTaker) {
    super(options, listener);
    this.taker = taker;
    this.text = new AnswerText(options.keepAliveTimeout);
    [this.#nodeListener] = this.listeners('connection') as [(socket: Socket) => void];
    this.removeAllListeners('connection');
    this.on('connection', (socket: Socket) => this.#accept(socket));
    this.on('listening', () => this.#watch());
  }

  broken(socket: Socket): void {
    const cause = Object.assign(new Error('The request ended half way'), { code: 'HPE_INVALID_EOF_STATE' });
    if (!this.emit('clientError', cause, socket)) socket.destroy();
  }

  toNode(socket: Socket): void {
    this.#nodeListener.call(this, socket);
  }

  forget(connection: PlainConnection): void {
    this.#connections.delete(connection);
  }

  override close(callback?: (error?: Error) => void): this {
    this.isClosing = true;
    clearInterval(this.#looking);
    return super.close(callback);
  }

  override closeIdleConnections(): void {
    for (const connection of this.#connections) if (connection.isIdle) connection.destroy();
    super.closeIdleConnections();
  }

  override closeAllConnections(): void {
    for (const connection of this.#connections) connection.destroy();
    super.closeAllConnections();
  }

  #accept(socket: Socket): void {
    const connection = new PlainConnection(socket, this);
    this.#connections.add(connection);
    connection.start();
  }

  #watch(): void {
    clearInterval(this.#looking);
    const { keepAliveTimeout } = this;
    const idleLooks = keepAliveTimeout === 0 ? Infinity : Math.ceil((keepAliveTimeout + KEEP_ALIVE_GRACE_MS) / LOOK_MS);
    this.#looking = setInterval(() => {
      for (const connection of this.#connections) connection.look(idleLooks);
    }, LOOK_MS).unref();
  }
}
