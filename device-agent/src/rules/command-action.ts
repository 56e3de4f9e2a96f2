/** Runs a local program for a rule: no shell, nothing of what happened in its arguments, its whole process group killed when it takes too long. */
import { spawn, type ChildProcess } from 'node:child_process';
import { AgentError, sentenceOf } from '../errors.ts';
import type { RuleAction, RuleFacts } from './rule-actions.port.ts';

export interface CommandOptions {
  readonly file: string;
  readonly args: readonly string[];
  /** Beside PATH and LANG. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Characters of output that are kept for the message of a failure: the last ones. */
const OUTPUT_KEPT = 512;

const MINIMAL = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

/** The program and all that it started. */
const killGroup = ({ pid }: ChildProcess): void => {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of it is left.
  }
};

const tailOf = (child: ChildProcess): (() => string) => {
  let kept = '';
  const keep = (chunk: Buffer): void => {
    kept = (kept + chunk.toString('utf8')).slice(-OUTPUT_KEPT);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return () => kept.trim();
};

export class CommandAction implements RuleAction {
  readonly #options: CommandOptions;

  constructor(options: CommandOptions) {
    this.#options = options;
  }

  async run(facts: RuleFacts, signal: AbortSignal): Promise<void> {
    const { file, args, environment, timeoutMs } = this.#options;
    const child = spawn(file, args, {
      cwd: '/',
      detached: true,
      env: { ...MINIMAL, ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const output = tailOf(child);
    const { promise, resolve } = Promise.withResolvers<string | null>();
    // The program's end counts, not that of its pipes: what it left running may hold them open.
    child.once('error', (cause) => resolve(`cannot be run: ${sentenceOf(cause)}`));
    child.once('exit', (code, killedBy) => resolve(code === 0 ? null : `ended with ${code ?? killedBy ?? 'nothing'}`));
    const stop = (): void => resolve('was stopped with the agent');
    const timer = setTimeout(() => resolve(`took longer than ${timeoutMs} ms`), timeoutMs);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    // A program need not read what it is told.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${JSON.stringify(facts)}\n`);
    const fault = await promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
    // What a program that did well left running, it left on purpose.
    if (fault === null) return;
    killGroup(child);
    throw new AgentError('RULE_ACTION_FAILED', `${file} ${fault}. ${output()}`.trim());
  }
}
