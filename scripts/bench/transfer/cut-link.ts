/** A link to a server that is cut every so many bytes, and counts what goes through it. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

export class CutLink {
  readonly #upstreamPort: number;
  readonly #cutEveryBytes: number;
  #server: Server | undefined;
  #untilCut: number;
  /** From the server to the client, heads of answers and all. */
  downBytes = 0;
  upBytes = 0;
  cuts = 0;

  /** Infinity never cuts. */
  constructor(upstreamUrl: string, cutEveryBytes = Number.POSITIVE_INFINITY) {
    this.#upstreamPort = Number(new URL(upstreamUrl).port);
    this.#cutEveryBytes = cutEveryBytes;
    this.#untilCut = cutEveryBytes;
  }

  async start(): Promise<string> {
    const server = createServer((client) => this.#join(client));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server?.close();
  }

  #join(client: Socket): void {
    const upstream = connect(this.#upstreamPort, '127.0.0.1');
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.on('data', (bytes) => {
      this.upBytes += bytes.byteLength;
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => this.#down(client, upstream, bytes));
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.end());
  }

  /** What was under way is lost with the connection, as with a radio that loses its cell. */
  #down(client: Socket, upstream: Socket, bytes: Buffer): void {
    this.downBytes += bytes.byteLength;
    this.#untilCut -= bytes.byteLength;
    if (this.#untilCut > 0) {
      client.write(bytes);
      return;
    }
    this.cuts += 1;
    this.#untilCut = this.#cutEveryBytes;
    client.resetAndDestroy();
    upstream.destroy();
  }
}
