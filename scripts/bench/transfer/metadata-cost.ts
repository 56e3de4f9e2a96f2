/** What metadata costs a device, with thousands of targets: an unmodified tuf-js client against the real server, every byte counted. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { binOf, releaseTargetPath } from '@shoal/models/trust';
import { Updater } from 'tuf-js';
import { CutLink } from './cut-link.ts';

const BITS = 8;
const hex = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Releases as the registry writes them, put where it keeps them, while the server is down; its next start signs every bin anew. */
export const plantTargets = (controlDb: string, count: number): string => {
  const db = new Database(controlDb);
  const insert = db.prepare('insert into tuf_targets (path, bin, sha256, length_bytes, custom) values (?, ?, ?, ?, ?)');
  let last = '';
  db.transaction(() => {
    for (let index = 0; index < count; index += 1) {
      const [name, version, sha256] = [
        `model-${index % 100}`,
        `1.${Math.floor(index / 100)}.0`,
        hex(`archive ${index}`),
      ];
      last = releaseTargetPath(name, version, sha256);
      const custom = {
        name,
        version,
        releaseCounter: index + 1,
        manifestSha256: hex(`manifest ${index}`),
        chunkBytes: 1_048_576,
        chunks: [hex(`chunk ${index}`)],
        minimumAgent: '0.1.0',
        memoryMb: 32,
        arch: [],
      };
      insert.run(last, binOf(last, BITS), sha256, 900_000, JSON.stringify(custom));
    }
    db.prepare("update tuf_roles set expires_at = 0 where role like 'bin-%'").run();
  })();
  db.close();
  return last;
};

/** Passes requests on and counts the bodies of answers, as they are encoded on the wire. */
class CountingProxy {
  bodyBytes = 0;
  requests = 0;
  readonly #upstream: URL;
  #server: Server | undefined;

  constructor(upstream: string) {
    this.#upstream = new URL(upstream);
  }

  async start(): Promise<string> {
    const server = createServer((incoming, outgoing) => {
      this.requests += 1;
      const { method, url, headers } = incoming;
      const host = this.#upstream.host;
      const onward = request({
        host: this.#upstream.hostname,
        port: this.#upstream.port,
        method,
        path: url,
        headers: { ...headers, host },
      });
      onward.on('response', (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.on('data', (bytes: Buffer) => (this.bodyBytes += bytes.byteLength));
        answer.pipe(outgoing);
      });
      incoming.pipe(onward);
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }
}

export interface MetadataCost {
  readonly coldBytes: number;
  readonly coldRequests: number;
  readonly coldWireBytes: number;
  readonly idleBytes: number;
  readonly idleWireBytes: number;
  /** Body of a timestamp that the client has already, asked for with its ETag. */
  readonly conditionalBytes: number;
  readonly isFound: boolean;
}

/** Cold: only the first root is there, one target is looked up. Idle: a later look at what has not changed. */
export const metadataCost = async (serverUrl: string, target: string, folder: string): Promise<MetadataCost> => {
  const proxy = new CountingProxy(serverUrl);
  const link = new CutLink(await proxy.start());
  const url = await link.start();
  const metadataDir = join(folder, 'tuf');
  await mkdir(metadataDir, { recursive: true });
  const root = await fetch(`${serverUrl}/tuf/1.root.json`);
  await writeFile(join(metadataDir, 'root.json'), Buffer.from(await root.arrayBuffer()));
  const look = async () => {
    const before = [proxy.bodyBytes, link.downBytes + link.upBytes, proxy.requests] as const;
    const client = new Updater({ metadataDir, metadataBaseUrl: `${url}/tuf`, config: { fetchRetry: 0 } });
    const found = await client.getTargetInfo(target);
    return {
      found,
      bytes: proxy.bodyBytes - before[0],
      wire: link.downBytes + link.upBytes - before[1],
      requests: proxy.requests - before[2],
    };
  };
  const cold = await look();
  const idle = await look();
  const first = await fetch(`${serverUrl}/tuf/timestamp.json`);
  await first.arrayBuffer();
  const again = await fetch(`${serverUrl}/tuf/timestamp.json`, {
    headers: { 'if-none-match': first.headers.get('etag') ?? '' },
  });
  const conditionalBytes = (await again.arrayBuffer()).byteLength;
  link.stop();
  proxy.stop();
  return {
    coldBytes: cold.bytes,
    coldRequests: cold.requests,
    coldWireBytes: cold.wire,
    idleBytes: idle.bytes,
    idleWireBytes: idle.wire,
    conditionalBytes,
    isFound: cold.found?.path === target && idle.found?.path === target,
  };
};
