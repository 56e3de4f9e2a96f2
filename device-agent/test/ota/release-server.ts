/** A registry of releases for tests: a signed repository with its blobs over real HTTP, a director, and knobs to make it misbehave. */
import { createHash, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { readBundle } from '@shoal/models';
import {
  CHUNK_BYTES,
  createSigningKey,
  DIRECTOR_KEYS_TARGET,
  hashContent,
  makeDelta,
  memorySource,
  packBundle,
  releaseTargetPath,
  signAssignment,
  signBin,
  signRoot,
  signSnapshot,
  signTargets,
  signTimestamp,
  binNames,
  binOf,
  writeDirectorKeys,
  type TargetEntry,
} from '@shoal/models/trust';
import type { AssignedModel, Assignment, SignedAssignment } from '@shoal/protocol';

const BITS = 1;
const DAY_MS = 86_400_000;

export interface Release {
  readonly name: string;
  readonly version: string;
  readonly releaseCounter: number;
  readonly target: string;
  readonly sha256: string;
  readonly lengthBytes: number;
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Handles a request itself when it returns true. */
type Interfere = (request: IncomingMessage, response: ServerResponse) => boolean;

export class ReleaseServer {
  readonly keys = {
    root: createSigningKey(),
    targets: createSigningKey(),
    snapshot: createSigningKey(),
    timestamp: createSigningKey(),
  };
  director = createSigningKey();
  /** By file name, as /tuf/ serves them. */
  readonly files = new Map<string, Uint8Array>();
  readonly blobs = new Map<string, Uint8Array>();
  readonly requests: string[] = [];
  interfere: Interfere = () => false;
  givesDeltas = true;
  bytesSent = 0;
  /** Milliseconds that metadata signed from now on lives. */
  lifetimeMs = DAY_MS;
  #entries: TargetEntry[] = [];
  #version = 0;
  #counter = 0;
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    this.publishRoot(1, this.keys.root);
    this.target(DIRECTOR_KEYS_TARGET, writeDirectorKeys([this.director]));
    this.publish();
    this.#server = createServer((request, response) => void this.#answer(request, response));
    await new Promise<void>((resolve) => this.#server?.listen(this.#port, '127.0.0.1', resolve));
    const address = this.#server.address();
    this.#port = typeof address === 'object' && address !== null ? address.port : 0;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise<void>((resolve) => this.#server?.close(() => resolve()));
  }

  publishRoot(version: number, ...signers: KeyObject[]): void {
    const role = (key: KeyObject) => ({ keys: [key], threshold: 1 });
    const { root, targets, snapshot, timestamp } = this.keys;
    const roles = { root: role(root), targets: role(targets), snapshot: role(snapshot), timestamp: role(timestamp) };
    this.files.set(
      `${version}.root.json`,
      signRoot({ version, expires: new Date(Date.now() + 365 * DAY_MS), signers }, roles),
    );
  }

  /** A target and its blob; to be published. */
  target(path: string, bytes: Uint8Array, custom?: TargetEntry['custom']): void {
    const sha256 = sha256Of(bytes);
    this.blobs.set(sha256, bytes);
    const entry = { path, lengthBytes: bytes.byteLength, sha256, ...(custom !== undefined && { custom }) };
    this.#entries = [...this.#entries.filter((other) => other.path !== path), entry];
  }

  /** Bins, targets, snapshot, timestamp, in this order. */
  publish(): void {
    this.#version += 1;
    const version = this.#version;
    const signed = (key: KeyObject) => ({ version, expires: new Date(Date.now() + this.lifetimeMs), signers: [key] });
    const bins = { keys: [this.keys.targets], threshold: 1 };
    for (const name of binNames(BITS)) {
      const entries = this.#entries.filter(({ path }) => binOf(path, BITS) === name);
      this.files.set(`${version}.${name}.json`, signBin(signed(this.keys.targets), entries));
    }
    this.files.set(`${version}.targets.json`, signTargets(signed(this.keys.targets), bins, BITS));
    const versions = new Map(['targets', ...binNames(BITS)].map((name) => [name, version]));
    this.files.set(`${version}.snapshot.json`, signSnapshot(signed(this.keys.snapshot), versions));
    this.files.set('timestamp.json', signTimestamp(signed(this.keys.timestamp), version));
  }

  /** Packs and publishes a bundle folder. */
  async release(folder: string): Promise<Release> {
    const { manifest, digest } = await readBundle(folder, { signaturePolicy: 'allow-unsigned' });
    const bytes = await buffer(await packBundle(folder));
    const { sha256, lengthBytes, chunks } = await hashContent(
      (async function* () {
        yield bytes;
      })(),
    );
    const { name, version, releaseCounter, resources } = manifest;
    const target = releaseTargetPath(name, version, sha256);
    this.target(target, bytes, {
      name,
      version,
      releaseCounter,
      manifestSha256: digest,
      chunkBytes: CHUNK_BYTES,
      chunks: [...chunks],
      minimumAgent: resources.minimumAgent,
      memoryMb: resources.memoryMb,
      arch: resources.arch,
    });
    this.publish();
    return { name, version, releaseCounter, target, sha256, lengthBytes };
  }

  assigned(release: Release, over: Partial<AssignedModel> = {}): AssignedModel {
    return {
      ...release,
      deploymentId: `d-${this.#counter + 1}`,
      jitterSeconds: 0,
      shadow: { minWindows: 0, maxSeconds: 600, minAgreementPpm: 900_000 },
      probation: { minInferences: 3, minSeconds: 0, maxSeconds: 600 },
      ...over,
    };
  }

  /** The next assignment of a device. */
  assign(
    models: readonly AssignedModel[],
    over: Partial<Assignment> = {},
    key: KeyObject = this.director,
  ): SignedAssignment {
    this.#counter += 1;
    return signAssignment(
      {
        _type: 'shoal-assignment',
        deviceId: 'pump-07',
        counter: this.#counter,
        issuedAt: Date.now(),
        expires: Date.now() + DAY_MS,
        models: [...models],
        floors: {},
        ...over,
      },
      key,
    );
  }

  /** Undoes what a test did to it: what is published, what interferes, whose word counts. */
  restorePoint(): () => void {
    const [files, entries, version, director] = [new Map(this.files), this.#entries, this.#version, this.director];
    return () => {
      this.files.clear();
      for (const [name, bytes] of files) this.files.set(name, bytes);
      this.#entries = entries;
      this.#version = version;
      this.director = director;
      this.interfere = () => false;
      this.lifetimeMs = DAY_MS;
    };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    this.requests.push(path);
    if (this.interfere(request, response)) return;
    const file = this.files.get(decodeURIComponent(path.replace(/^\/tuf\//, '')));
    if (path.startsWith('/tuf/') && file !== undefined) return void response.end(file);
    const [, sha256 = '', base] = /^\/blobs\/sha256\/([0-9a-f]{64})(?:\/delta\/([0-9a-f]{64}))?$/.exec(path) ?? [];
    const blob = this.blobs.get(sha256);
    if (blob === undefined) return void response.writeHead(404).end();
    if (base !== undefined) return this.#delta(response, blob, this.blobs.get(base));
    this.#range(request, response, blob);
  }

  async #delta(response: ServerResponse, blob: Uint8Array, base: Uint8Array | undefined): Promise<void> {
    if (base === undefined || !this.givesDeltas) return void response.writeHead(404).end();
    for await (const part of makeDelta(memorySource(base), memorySource(blob))) {
      this.bytesSent += part.byteLength;
      response.write(part);
    }
    response.end();
  }

  #range(request: IncomingMessage, response: ServerResponse, blob: Uint8Array): void {
    const [, from = '0', to = String(blob.byteLength - 1)] =
      /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const bytes = blob.subarray(Number(from), Number(to) + 1);
    this.bytesSent += bytes.byteLength;
    response.writeHead(206, {
      'content-range': `bytes ${from}-${to}/${blob.byteLength}`,
      'content-length': bytes.byteLength,
    });
    response.end(bytes);
  }
}

export const withReleases = async <T>(use: (server: ReleaseServer) => Promise<T>): Promise<T> => {
  const server = new ReleaseServer();
  await server.start();
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
};
