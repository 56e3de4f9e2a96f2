/** The local API: HTTP on loopback, and on a socket file for those who may open it. */
import { lstat, unlink } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { AgentError, sentenceOf } from '../errors.ts';
import { loopbackUrl } from './loopback-url.ts';

export interface LocalApiOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Path of a socket file that only the user of this process may open; null for none. */
  readonly socket: string | null;
  /** Milliseconds in which a request must have come whole. */
  readonly requestTimeoutMs: number;
  /** Must not reject. */
  readonly answer: (request: IncomingMessage, response: ServerResponse, viaSocket: boolean) => Promise<void>;
}

/** An import statement would read every name the module has, and the first look at `WebSocket` loads Node's fetch: 13 MB. */
const { createServer } = process.getBuiltinModule('node:http');

const HEADER_BYTES = 16_384;
const MAX_CONNECTIONS = 128;
/** Slow senders are looked for this often. */
const SWEEP_MS = 5_000;

const listening = async (server: Server, listen: () => void): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  listen();
  server.once('listening', resolve);
  await promise;
};

/** Whether somebody answers on a socket file. */
const isServed = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });

/** A file that a killed agent left; any other file is not ours to remove. Throws when somebody serves it. */
const removeStale = async (path: string): Promise<void> => {
  const entry = await lstat(path).catch(() => undefined);
  if (entry?.isSocket() !== true) return;
  if (await isServed(path)) throw new Error(`another process serves ${path}`);
  await unlink(path);
};

/** The file is made inside the call, so that the mask holds for it alone: nobody else can open it, not even for a moment. */
const listenPrivately = (server: Server, path: string): void => {
  const before = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(before);
  }
};

export class LocalApi {
  readonly #options: LocalApiOptions;
  #servers: Server[] = [];

  constructor(options: LocalApiOptions) {
    this.#options = options;
  }

  /** Resolves with the address it listens on. Throws LOCAL_API_UNAVAILABLE; then nothing listens. */
  async start(): Promise<string> {
    const { host, port, socket } = this.#options;
    const onLoopback = this.#create(false);
    try {
      await listening(onLoopback, () => onLoopback.listen(port, host));
    } catch (cause) {
      throw unavailable(`${host}:${port}`, cause);
    }
    if (socket !== null) await this.#listenOnFile(socket);
    const address = onLoopback.address();
    return loopbackUrl(host, typeof address === 'object' && address !== null ? address.port : port);
  }

  /** What is being answered is cut off. Idempotent. */
  async stop(): Promise<void> {
    const servers = this.#servers;
    this.#servers = [];
    await Promise.all(
      servers.map(async (server) => {
        server.closeAllConnections();
        if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
      }),
    );
  }

  async #listenOnFile(path: string): Promise<void> {
    try {
      await removeStale(path);
      const server = this.#create(true);
      await listening(server, () => listenPrivately(server, path));
    } catch (cause) {
      await this.stop();
      throw unavailable(path, cause);
    }
  }

  #create(viaSocket: boolean): Server {
    const { requestTimeoutMs, answer } = this.#options;
    const limits = {
      maxHeaderSize: HEADER_BYTES,
      headersTimeout: Math.min(10_000, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(SWEEP_MS, requestTimeoutMs),
    };
    const server = createServer(limits, (request, response) => void answer(request, response, viaSocket));
    server.maxConnections = MAX_CONNECTIONS;
    this.#servers.push(server);
    return server;
  }
}

const unavailable = (where: string, cause: unknown): AgentError =>
  new AgentError('LOCAL_API_UNAVAILABLE', `Cannot listen on ${where}: ${sentenceOf(cause)}.`, { cause });
