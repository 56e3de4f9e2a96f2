/** Runs the process that looks into the metadata: bounded in memory, time and words, and gone when it has answered. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AgentError } from '../errors.ts';
import { lookAnswerSchema, type LookAnswer, type LookRequest } from './look.ts';

const HEAP_MB = 64;
const MOST_MS = 120_000;
const MOST_ANSWER_BYTES = 4_194_304;

export type Look = (request: LookRequest, signal: AbortSignal) => Promise<LookAnswer>;

const entry = (): string =>
  fileURLToPath(new URL(`./tuf-child${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url));

/** Throws UPDATE_METADATA_FAILED when it dies, hangs or babbles; then the scratch folder holds anything. */
export const runTufChild: Look = async (request, signal) => {
  const path = entry();
  const conditions = path.endsWith('.ts') ? ['--conditions=source'] : [];
  const child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MB}`, ...conditions, path], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { TMPDIR: request.folder },
    signal: AbortSignal.any([signal, AbortSignal.timeout(MOST_MS)]),
    killSignal: 'SIGKILL',
  });
  const parts: Buffer[] = [];
  let held = 0;
  child.stdout.on('data', (part: Buffer) => {
    held += part.byteLength;
    if (held > MOST_ANSWER_BYTES) child.kill('SIGKILL');
    else parts.push(part);
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(request));
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
  }
};
