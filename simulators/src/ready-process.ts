/** A program of the project as a child process: started, waited for until its ready line, killed, frozen, started again. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { SimulatorError } from './errors.ts';
import type { SpawnCommand } from './faults/disk.ts';

const LOG_LINES_KEPT = 200;

export interface ReadyProcessOptions<R> {
  /** For messages, for example `fleet server`. */
  readonly name: string;
  readonly command: () => SpawnCommand;
  readonly ready: z.ZodType<R>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly onLogLine?: (line: string) => void;
}

export class ReadyProcess<R> {
  private readonly options: ReadyProcessOptions<R>;
  private readonly log: string[] = [];
  private child: ChildProcess | undefined;

  constructor(options: ReadyProcessOptions<R>) {
    this.options = options;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** The newest log lines, oldest first. */
  get logTail(): readonly string[] {
    return this.log;
  }

  /** @throws SimulatorError SERVER_FAILED when the process ends before it is ready */
  async start(environment: NodeJS.ProcessEnv): Promise<R> {
    const { file, args } = this.options.command();
    const env = { ...environment, ...this.options.environment };
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    this.child = child;
    child.once('exit', () => {
      if (this.child === child) this.child = undefined;
    });
    createInterface({ input: child.stderr }).on('line', (line) => this.keep(line));
    const lines = createInterface({ input: child.stdout });
    const answer = new Promise<R>((resolve, reject) => {
      lines.on('line', (line) => {
        const parsed = this.options.ready.safeParse(asJson(line));
        if (parsed.success) resolve(parsed.data);
        else this.keep(line);
      });
      child.once('error', (cause) => reject(this.failure(`cannot be started: ${cause.message}`)));
      child.once('close', (code, signal) => reject(this.failure(`ended with ${signal ?? `code ${code}`}`)));
    });
    return answer;
  }

  /** SIGTERM, and SIGKILL after `patienceMs`. @returns the exit code, or undefined when it had to be killed or did not run */
  async stop(patienceMs = 15_000): Promise<number | undefined> {
    const { child } = this;
    if (child === undefined) return undefined;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const impatience = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    const [code] = (await ended) as [number | null];
    clearTimeout(impatience);
    return code ?? undefined;
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  private keep(line: string): void {
    this.log.push(line);
    if (this.log.length > LOG_LINES_KEPT) this.log.shift();
    this.options.onLogLine?.(line);
  }

  private failure(what: string): SimulatorError {
    const tail = this.log.slice(-5).join('\n  ');
    return new SimulatorError('SERVER_FAILED', `The ${this.options.name} ${what}. Its last lines:\n  ${tail}`);
  }
}

const asJson = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};
