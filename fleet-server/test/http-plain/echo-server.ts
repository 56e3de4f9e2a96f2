/** A server that answers with what it understood of a request, with plain requests taken before Node's parser or without. */
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { PrometheusMetrics } from '../../src/adapters/embedded/prometheus-metrics.ts';
import { answerBrokenRequest, EDGE_HEADERS } from '../../src/http-edge.ts';
import { HttpFront } from '../../src/http-front.ts';
import type { PlainAnswer, PlainReply, PlainRequest } from '../../src/http-plain/plain-exchange.ts';

const MAX_BODY_BYTES = 1_000;
const LARGE = 'x'.repeat(400_000);

interface Understood {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: object;
  readonly body: string;
}

const answerTo = (understood: Understood): PlainAnswer => ({
  status: understood.url === '/predict?not=found' ? 404 : 200,
  headers: { 'content-type': 'application/json' },
  body: understood.url === '/predict?large=yes' ? LARGE : JSON.stringify(understood),
});

const readWhole = (request: IncomingMessage, response: ServerResponse): void => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { method, url, headers } = request;
    const { status, ...answer } = answerTo({ method, url, headers, body: Buffer.concat(chunks).toString('latin1') });
    const length = { 'content-length': Buffer.byteLength(answer.body) };
    response.writeHead(status, { ...EDGE_HEADERS, ...answer.headers, ...length });
    response.end(answer.body);
  });
};

export class EchoServer {
  readonly #server: Server;
  readonly #sockets = new Map<number, Socket>();
  /** Requests that were answered without Node's parser. */
  plain = 0;
  /** Set to keep plain requests waiting for their answers. */
  holds: ((answer: () => void) => void) | null = null;
  readonly left: string[] = [];
  abandoned = 0;

  constructor(takesPlain: boolean, options: { readonly keepAliveTimeout: number; readonly requestTimeout: number }) {
    const front = new HttpFront();
    front.give({
      take: (request, response) => {
        readWhole(request, response);
        return true;
      },
      plain: {
        maxBodyBytes: MAX_BODY_BYTES,
        recognises: (url) => takesPlain && url.startsWith('/predict'),
        take: (request, reply) => this.#take(request, reply),
        noteAbandoned: () => (this.abandoned += 1),
      },
    });
    const { keepAliveTimeout, requestTimeout } = options;
    const http = { requestTimeout, headersTimeout: requestTimeout, connectionsCheckingInterval: 50 };
    this.#server = front.serverFor(readWhole, { http, keepAliveTimeout, requestTimeout });
    this.#server.on('clientError', answerBrokenRequest(new PrometheusMetrics()));
    this.#server.prependListener('connection', (socket: Socket) => this.#sockets.set(socket.remotePort ?? 0, socket));
  }

  static async start(
    takesPlain: boolean,
    { keepAliveTimeout = 72_000, requestTimeout = 30_000 } = {},
  ): Promise<EchoServer> {
    const server = new EchoServer(takesPlain, { keepAliveTimeout, requestTimeout });
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  connect(): Socket {
    const { port } = this.#server.address() as AddressInfo;
    return connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  }

  /** Resolves when the server has read so many bytes of this client, or hears no more. */
  async hasRead(client: Socket, bytes: number): Promise<void> {
    for (;;) {
      const socket = this.#sockets.get(client.localPort ?? 0);
      if (client.destroyed || (socket !== undefined && (socket.destroyed || socket.bytesRead >= bytes))) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** All that it answers to these pieces, each read before the next is sent, and then no more; dates are left out. */
  async answerTo(pieces: readonly string[]): Promise<string> {
    const client = this.connect();
    const chunks: Buffer[] = [];
    client.on('error', () => undefined).on('data', (chunk: Buffer) => chunks.push(chunk));
    const closed = once(client, 'close');
    const ended = once(client, 'end').catch(() => undefined);
    await once(client, 'connect');
    let sent = 0;
    for (const piece of pieces) {
      if (!client.writable) break;
      client.write(piece, 'latin1');
      sent += piece.length;
      await this.hasRead(client, sent);
    }
    client.end();
    await Promise.race([ended, closed]);
    client.destroy();
    await closed;
    return Buffer.concat(chunks)
      .toString('latin1')
      .replaceAll(/^Date: .*$/gm, 'Date: …');
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  destroyAll(): void {
    this.#server.closeAllConnections();
  }

  async stop(): Promise<void> {
    this.destroyAll();
    await this.close();
  }

  #take(request: PlainRequest, reply: PlainReply): boolean {
    const { url, headers, body, signal } = request;
    if (url === '/predict?after=all') return false;
    this.plain += 1;
    signal.addEventListener('abort', () => this.left.push(url));
    const answer = (): void => reply.send(answerTo({ method: 'POST', url, headers, body: body.toString('latin1') }));
    if (this.holds === null) answer();
    else this.holds(answer);
    return true;
  }
}
