/** The listener below the framework: requests that are taken here cost none of its hooks, and everything else goes on to it. */
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import { FrontServer } from './http-plain/front-server.ts';
import type { PlainReply, PlainRequest, PlainTaker } from './http-plain/plain-exchange.ts';

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** `take`: true for a request that it answers, now or later; must not throw. `plain`: those that need not even be Node's. */
export interface RequestTaker {
  readonly plain: PlainTaker;
  take(request: IncomingMessage, response: ServerResponse): boolean;
}

/** Of Fastify's options, those that are Node's. Milliseconds. */
interface FrontOptions {
  readonly http?: ServerOptions;
  readonly keepAliveTimeout?: number;
  readonly requestTimeout?: number;
}

export class HttpFront implements PlainTaker {
  #taker: RequestTaker | null = null;

  /** Before the server listens; the last one given is asked. */
  give(taker: RequestTaker): void {
    this.#taker = taker;
  }

  /** As Fastify's `serverFactory`, which is called for every address that is listened on. */
  readonly serverFor = (framework: Listener, { http = {}, ...options }: FrontOptions): Server => {
    const listener: Listener = (request, response) => {
      if (this.#taker?.take(request, response) !== true) framework(request, response);
    };
    const { keepAliveTimeout = 0, requestTimeout } = options;
    const server = new FrontServer({ ...http, keepAliveTimeout }, listener, this);
    if (requestTimeout !== undefined) server.requestTimeout = requestTimeout;
    return server;
  };

  get maxBodyBytes(): number {
    return this.#taker?.plain.maxBodyBytes ?? 0;
  }

  recognises(url: string): boolean {
    return this.#taker?.plain.recognises(url) === true;
  }

  take(request: PlainRequest, reply: PlainReply): boolean {
    return this.#taker?.plain.take(request, reply) === true;
  }

  noteAbandoned(): void {
    this.#taker?.plain.noteAbandoned();
  }
}
