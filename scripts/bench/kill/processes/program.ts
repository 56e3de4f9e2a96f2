/** A program under test: started until it says that it is ready, killed, stopped, started again. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface ProgramCommand {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
}

/** The one line of JSON on stdout; `pid` is the program's own, also under a tracer. */
export interface ReadyLine {
  readonly event: 'ready';
  readonly pid: number;
  readonly [field: string]: unknown;
}

const LOG_LINES_KEPT = 40;

export class Program {
  readonly command: ProgramCommand;
  private readonly log: string[] = [];
  private child: ChildProcess | undefined;
  private pid: number | undefined;

  constructor(command: ProgramCommand) {
    this.command = command;
  }

  /** Rejects when the program ends before it is ready. */
  async start(): Promise<ReadyLine> {
    const child = spawn(this.command.file, [...this.command.args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    this.pid = child.pid;
    createInterface({ input: child.stderr }).on('line', (line) => this.keep(line));
    const stdout = createInterface({ input: child.stdout });
    return new Promise((resolve, reject) => {
      stdout.on('line', (line) => {
        const ready = readyLine(line);
        this.pid = ready?.pid ?? this.pid;
        if (ready !== undefined) resolve(ready);
      });
      child.once('error', reject);
      child.once('close', (code, signal) => reject(new Error(this.epitaph(signal ?? `code ${code}`))));
    });
  }

  /** True while the process exists. */
  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** SIGKILL at once; resolves when the process is gone and its files are closed. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** SIGTERM, and SIGKILL after `patienceMs`. Answers whether the program stopped by itself with exit code 0. */
  async stop(patienceMs = 20_000): Promise<boolean> {
    const impatience = setTimeout(() => void this.kill(), patienceMs);
    await this.end('SIGTERM');
    clearTimeout(impatience);
    return this.child?.exitCode === 0;
  }

  /** Waits for it to end by itself. @returns its exit code; undefined when it had to be killed */
  async ended(patienceMs: number): Promise<number | undefined> {
    if (this.child !== undefined && this.isRunning) {
      const impatience = setTimeout(() => void this.kill(), patienceMs);
      await once(this.child, 'exit');
      clearTimeout(impatience);
    }
    return this.child?.exitCode ?? undefined;
  }

  /** Its last words, newest last. */
  get logTail(): readonly string[] {
    return this.log;
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child === undefined || this.pid === undefined || !this.isRunning) return;
    const exited = once(this.child, 'exit');
    process.kill(this.pid, signal);
    await exited;
  }

  private keep(line: string): void {
    this.log.push(line);
    if (this.log.length > LOG_LINES_KEPT) this.log.shift();
  }

  private epitaph(how: string): string {
    return `${this.command.name} ended with ${how}. Its last lines:\n  ${this.log.slice(-8).join('\n  ')}`;
  }
}

const readyLine = (line: string): ReadyLine | undefined => {
  try {
    const value = JSON.parse(line) as ReadyLine;
    return value.event === 'ready' ? value : undefined;
  } catch {
    return undefined;
  }
};
