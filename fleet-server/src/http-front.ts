/** The listener below the framework: requests that are taken here cost none of its hooks, and everything else goes on to it. */
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** True for a request that it answers, now or later. Must not throw. */
export type RequestTaker = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Of Fastify's options, those that are Node's. Milliseconds. */
interface FrontOptions {
  readonly http?: ServerOptions;
  readonly keepAliveTimeout?: number;
  readonly requestTimeout?: number;
}

export class HttpFront {
  #take: RequestTaker = () => false;

  /** Before the server listens; the last one given is asked. */
  give(taker: RequestTaker): void {
    this.#take = taker;
  }

  /** As Fastify's `serverFactory`, which is called for every address that is listened on. */
  readonly serverFor = (framework: Listener, { http = {}, ...options }: FrontOptions): Server => {
    const server = createServer(http, (request, response) => {
      if (!this.#take(request, response)) framework(request, response);
    });
    if (options.keepAliveTimeout !== undefined) server.keepAliveTimeout = options.keepAliveTimeout;
    if (options.requestTimeout !== undefined) server.requestTimeout = options.requestTimeout;
    return server;
  };
}
