/** The local API: plain HTTP on loopback, read-only. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { AgentError } from '../errors.ts';
import { loopbackUrl } from './loopback-url.ts';
import { answerLocal, type LocalViews } from './status-routes.ts';

export interface LocalApiOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly views: LocalViews;
}

/** Names that a page of a foreign site cannot have: keeps DNS rebinding out. */
const LOCAL_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

export class LocalApi {
  readonly #options: LocalApiOptions;
  #server: Server | undefined;

  constructor(options: LocalApiOptions) {
    this.#options = options;
  }

  /** Resolves with the address it listens on. Throws LOCAL_API_UNAVAILABLE. */
  start(): Promise<string> {
    const { host, port } = this.#options;
    const server = createServer((request, response) => this.#answer(request, response));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', (cause) =>
        reject(
          new AgentError('LOCAL_API_UNAVAILABLE', `Cannot listen on ${host}:${port}: ${cause.message}.`, { cause }),
        ),
      );
      server.listen(port, host, () => {
        const address = server.address();
        resolve(loopbackUrl(host, typeof address === 'object' && address !== null ? address.port : port));
      });
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server?.listening !== true) return;
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    const isLocal = LOCAL_HOST.test(request.headers.host ?? '');
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    const { status, body } = isLocal
      ? answerLocal(request.method ?? 'GET', path, this.#options.views)
      : { status: 421, body: { status: 421, detail: 'Ask by a loopback name.' } };
    const text = `${JSON.stringify(body)}\n`;
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(request.method === 'HEAD' ? undefined : text);
  }
}
