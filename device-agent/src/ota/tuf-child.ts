/** A short-lived process that refreshes TUF metadata in a scratch folder and looks targets up: one request on standard input, one answer on standard output. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Updater, type TargetFile } from 'tuf-js';
import {
  lookRequestSchema,
  ROOT_UNUSABLE,
  type FileAnswer,
  type LookAnswer,
  type LookRequest,
  type TargetFacts,
} from './look.ts';

const LIMITS = {
  fetchTimeout: 20_000,
  fetchRetry: 0,
  maxRootRotations: 64,
  maxDelegations: 8,
  rootMaxLength: 65_536,
  timestampMaxLength: 16_384,
  snapshotMaxLength: 524_288,
  targetsMaxLength: 2_097_152,
};
const MOST_KEYS_BYTES = 65_536;
const KEYS_FILE = 'director-keys.json';

/** tuf-js asks the machine for the time; what this device knows of it is in the request. */
const setClock = (nowAt: number): void => {
  globalThis.Date = class extends Date {
    constructor(...given: [] | [number | string | Date]) {
      super(given.length === 0 ? nowAt : given[0]);
    }
    static override now(): number {
      return nowAt;
    }
  } as DateConstructor;
};

/** Nobody is there: every request goes to who runs this process. */
const RELAYED = 'http://relayed.invalid';
const MOST_FILE_BYTES = LIMITS.targetsMaxLength;

/** tuf-js fetches with what the platform calls so. */
const relayFetches = (): void => {
  const waiting = new Map<number, (answer: FileAnswer) => void>();
  process.on('message', (answer: FileAnswer) => waiting.get(answer.number)?.(answer));
  globalThis.fetch = async (asked) => {
    const path = new URL(asked instanceof Request ? asked.url : asked).pathname;
    const { promise, resolve } = Promise.withResolvers<FileAnswer>();
    const number = waiting.size;
    waiting.set(number, resolve);
    process.send?.({ number, path, maxBytes: MOST_FILE_BYTES });
    const { bytes, fault } = await promise;
    if (fault !== undefined) throw new TypeError(`fetch failed: ${fault}`);
    return bytes === null ? new Response(null, { status: 404 }) : new Response(Uint8Array.from(bytes));
  };
};

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const readOr = (path: string, otherwise: Uint8Array): Uint8Array => {
  try {
    return readFileSync(path);
  } catch {
    return otherwise;
  }
};

/** Nothing beyond the length that was signed is read. */
const fetchBytes = async (url: string, length: number): Promise<Uint8Array> => {
  const response = await fetch(url, { signal: AbortSignal.timeout(LIMITS.fetchTimeout) });
  if (!response.ok || response.body === null) throw new Error(`${url} answers ${response.status}`);
  const parts: Uint8Array[] = [];
  let held = 0;
  for await (const part of response.body) {
    held += part.byteLength;
    if (held > length) break;
    parts.push(part);
  }
  return Buffer.concat(parts);
};

/** Of the target that names them; kept beside the metadata. */
const directorKeys = async (keys: TargetFile, { folder, url }: LookRequest & { url: string }): Promise<string> => {
  const sha256 = keys.hashes['sha256'] ?? '';
  const path = join(folder, KEYS_FILE);
  const kept = readOr(path, new Uint8Array());
  if (sha256Of(kept) === sha256) return Buffer.from(kept).toString('utf8');
  const bytes = await fetchBytes(`${url}/blobs/sha256/${sha256}`, Math.min(keys.length, MOST_KEYS_BYTES));
  if (sha256Of(bytes) !== sha256) throw new Error(`${keys.path} is not what its target says`);
  writeFileSync(path, bytes);
  return Buffer.from(bytes).toString('utf8');
};

const factsOf = ({ path, length, hashes, custom }: TargetFile): TargetFacts => ({
  path,
  lengthBytes: length,
  sha256: hashes['sha256'] ?? '',
  custom,
});

/** A first root that is none is told apart: another may be tried. */
const open = ({ folder, url }: LookRequest & { url: string }): Updater => {
  try {
    return new Updater({ metadataDir: folder, metadataBaseUrl: `${url}/tuf`, config: LIMITS });
  } catch (cause) {
    throw Object.assign(new Error('The root cannot be used.', { cause }), { name: ROOT_UNUSABLE });
  }
};

/** The walk through delegations comes back with nothing where a target is not there. */
const look = async (request: LookRequest & { url: string }): Promise<LookAnswer> => {
  const { targets, keysTarget } = request;
  const updater = open(request);
  await updater.refresh();
  const found: (TargetFacts | null)[] = [];
  for (const path of targets) {
    const target = await updater.getTargetInfo(path);
    found.push(target === undefined ? null : factsOf(target));
  }
  const keys = await updater.getTargetInfo(keysTarget);
  return { type: 'found', targets: found, directorKeys: keys === undefined ? null : await directorKeys(keys, request) };
};

/** tuf-js wraps what goes wrong with snapshot and targets and keeps its text alone: a source that does not answer is told apart by it. */
const faultName = (error: unknown): string => {
  if (!(error instanceof Error)) return 'unknown';
  if (!error.message.startsWith('Unable to load')) return error.name === 'Error' ? error.constructor.name : error.name;
  return /fetch failed|Failed to download|aborted|terminated|timeout/i.test(error.message)
    ? 'unknown'
    : 'RepositoryError';
};

const request = lookRequestSchema.parse(JSON.parse(await text(process.stdin)));
setClock(request.nowAt);
if (request.url === null) relayFetches();
const answer = await look({ ...request, url: request.url ?? RELAYED }).catch((error: unknown): LookAnswer => {
  const message = error instanceof Error ? error.message : String(error);
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : null;
  return { type: 'failed', name: faultName(error), message, status };
});
process.stdout.write(JSON.stringify(answer));
// Or who runs it would keep it.
if (process.connected) process.disconnect();
