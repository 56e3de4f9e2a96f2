/** The agent as a user gets it: packed, unpacked, started by its launcher; with a Node binary of its own, so that no page of it is shared with the bench. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { packAgent } from '../../pack/pack-agent.ts';
import { TARGETS } from '../../pack/target.ts';

const quantilesSchema = z.object({ p50: z.number(), p95: z.number(), p99: z.number() });
const statusSchema = z.object({
  models: z.array(
    z.object({
      status: z.string(),
      engine: z.string().nullable(),
      inference: z.object({
        predictions: z.int(),
        failed: z.record(z.string(), z.int()),
        dropped: z.int(),
        pipelineMs: quantilesSchema.nullable(),
      }),
    }),
  ),
  sensors: z.array(z.object({ samples: z.int() })),
  outbox: z.object({ depth: z.int(), uncommitted: z.int() }),
  uplink: z.object({ state: z.string() }),
  process: z.object({ loopDelayMs: z.object({ p50: z.number(), p99: z.number(), max: z.number() }).nullable() }),
});
export type EdgeStatus = z.infer<typeof statusSchema>;

/** Unpacks a fresh pack of this machine's kind into `folder`. @returns its launcher */
export const unpackedAgent = async (folder: string): Promise<string> => {
  const target = TARGETS.find((name) => name === process.arch);
  if (target === undefined) throw new Error(`The agent is not packed for ${process.arch}.`);
  const { file } = await packAgent({ target, outDir: folder, level: 1 });
  const run = spawnSync('tar', ['-xzf', file, '-C', folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (run.status !== 0) throw new Error(`tar cannot unpack ${file}.`);
  return join(file.replace(/\.tar\.gz$/, ''), 'bin', 'shoal-agent');
};

export class PackedAgent {
  readonly dataDir: string;
  readonly #launcher: string;
  readonly #config: object;
  #child: ChildProcess | undefined;
  #url = '';
  #startedAt = 0;

  /** @param folder of its own, on a real disk */
  constructor(launcher: string, folder: string, config: object) {
    this.dataDir = join(folder, 'data');
    this.#launcher = launcher;
    this.#config = { ...config, dataDir: this.dataDir, logLevel: 'warn', localApi: { port: 0 } };
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Milliseconds since its process was started. */
  get ageMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** Resolves when it says that it is ready. `feed` writes what its sensor reads on standard input. */
  async start(feed: (line: (text: string) => void) => void = () => undefined): Promise<void> {
    mkdirSync(this.dataDir, { recursive: true });
    const file = join(this.dataDir, '..', 'agent.json');
    writeFileSync(file, JSON.stringify(this.#config));
    this.#startedAt = performance.now();
    const child = spawn(this.#launcher, ['run', '--config', file], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: '/usr/bin:/bin' },
    });
    this.#child = child;
    child.stdin.on('error', () => undefined);
    feed((text) => void (child.stdin.writable && child.stdin.write(`${text}\n`)));
    this.#url = await new Promise<string>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the agent ended with code ${code}; its log is above`)));
      createInterface({ input: child.stdout }).once('line', (line) =>
        resolve((JSON.parse(line) as { localUrl: string }).localUrl),
      );
    });
  }

  async status(): Promise<EdgeStatus> {
    const response = await fetch(new URL('/status', this.#url), { signal: AbortSignal.timeout(10_000) });
    return statusSchema.parse(await response.json());
  }

  /** Resolves when it has ended. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}
