/** Runs the process that looks into the metadata: bounded in memory, time and words, and gone when it has answered. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AgentError, sentenceOf } from '../errors.ts';
import type { FileSource } from './blob-source.port.ts';
import { fileRequestSchema, lookAnswerSchema, type FileAnswer, type LookAnswer, type LookRequest } from './look.ts';

const HEAP_MB = 64;
const MOST_MS = 120_000;
/** Pieces over MQTT come one after the other. */
const MOST_RELAYED_MS = 600_000;
const MOST_ANSWER_BYTES = 4_194_304;

export type Look = (request: LookRequest, signal: AbortSignal) => Promise<LookAnswer>;

const entry = (): string =>
  fileURLToPath(new URL(`./tuf-child${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url));

/** Fetches for the process what it asks for, which never sees more than `source` gives. */
const relay = (child: ChildProcess, source: FileSource, signal: AbortSignal): void => {
  const answer = async (message: unknown): Promise<void> => {
    const { number, path, maxBytes } = fileRequestSchema.parse(message);
    const said: FileAnswer = await source.file(path, maxBytes, signal).then(
      (bytes) => ({ number, bytes: bytes ?? null }),
      (error: unknown) => ({ number, bytes: null, fault: sentenceOf(error) }),
    );
    if (child.connected) child.send({ ...said }, () => undefined);
  };
  child.on('message', (message) => void answer(message).catch(() => child.kill('SIGKILL')));
};

/** Throws UPDATE_METADATA_FAILED when it dies, hangs or babbles; then the scratch folder holds anything. */
export const runTufChild: Look = (request, signal) => run(request, null, signal);

/** The process reaches no network: `source` fetches for it. */
export const runRelayedTufChild =
  (source: FileSource): Look =>
  (request, signal) =>
    run(request, source, signal);

const run = async (request: LookRequest, source: FileSource | null, outer: AbortSignal): Promise<LookAnswer> => {
  const path = entry();
  const conditions = path.endsWith('.ts') ? ['--conditions=source'] : [];
  const over = new AbortController();
  const mostMs = source === null ? MOST_MS : MOST_RELAYED_MS;
  const signal = AbortSignal.any([outer, over.signal, AbortSignal.timeout(mostMs)]);
  const child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MB}`, ...conditions, path], {
    stdio: ['pipe', 'pipe', 'ignore', ...(source === null ? [] : (['ipc'] as const))],
    serialization: 'advanced',
    env: { TMPDIR: request.folder },
    signal,
    killSignal: 'SIGKILL',
  });
  if (source !== null) relay(child, source, signal);
  const parts: Buffer[] = [];
  let held = 0;
  child.stdout?.on('data', (part: Buffer) => {
    held += part.byteLength;
    if (held > MOST_ANSWER_BYTES) child.kill('SIGKILL');
    else parts.push(part);
  });
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(JSON.stringify(request));
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', () => resolve());
    });
    return lookAnswerSchema.parse(JSON.parse(Buffer.concat(parts).toString('utf8')));
  } catch (cause) {
    throw new AgentError('UPDATE_METADATA_FAILED', 'The process that looks into the metadata gave no answer.', {
      cause,
    });
  } finally {
    // What was fetched for it is not wanted any more.
    over.abort();
  }
};
