/** A link to a server that is cut every so many bytes, and counts what goes through it. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** 100 Mbit/s at 5 ms there and back. */
const UNDER_WAY_BYTES = 65_536;

export class CutLink {
  readonly #upstreamPort: number;
  readonly #cutEveryBytes: number;
  #server: Server | undefined;
  #untilCut: number;
  /** Sent from the server to the client, heads of answers and all, arrived or not. */
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
    client.on('drain', () => upstream.resume());
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.end());
  }

  /** What is under way at a cut is sent and never arrives, as with a radio that loses its cell. */
  #down(client: Socket, upstream: Socket, bytes: Buffer): void {
    const sent = bytes.subarray(0, Math.min(bytes.byteLength, this.#untilCut));
    const arriving = sent.subarray(0, Math.max(0, this.#untilCut - UNDER_WAY_BYTES));
    this.downBytes += sent.byteLength;
    this.#untilCut -= sent.byteLength;
    if (!client.write(arriving)) upstream.pause();
    if (this.#untilCut > 0) return;
    this.cuts += 1;
    this.#untilCut = this.#cutEveryBytes;
    client.end();
    upstream.destroy();
  }
}
