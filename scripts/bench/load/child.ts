/** A bench's own programs as child processes: one order in, one answer out, over the IPC channel. */
import { fork, type ChildProcess } from 'node:child_process';

const IS_SOURCE = import.meta.url.endsWith('.ts');

/** The variables of this process, and more. */
export const withEnvironment = (more: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  // oxlint-disable-next-line node/no-process-env -- programs of a bench run where their caller runs
  ...process.env,
  ...more,
});

export class BenchChild {
  readonly #child: ChildProcess;

  /** @param name of the file beside this one, without its ending; a folder beside this one's is `../folder/name` */
  constructor(name: string, environment: Readonly<Record<string, string>> = {}) {
    const url = new URL(`./${name}${IS_SOURCE ? '.ts' : '.js'}`, import.meta.url);
    this.#child = fork(url, {
      stdio: ['ignore', 2, 2, 'ipc'],
      serialization: 'advanced',
      env: withEnvironment(environment),
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** @throws Error when the child ends first */
  ask<T>(order: object): Promise<T> {
    return new Promise((resolve, reject) => {
      const gone = (): void => reject(new Error('a child process of the bench ended early; its output is above'));
      this.#child.once('exit', gone);
      this.#child.once('message', (answer) => {
        this.#child.off('exit', gone);
        resolve(answer as T);
      });
      this.#child.send(order);
    });
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }
}

/** The child's side. */
export const serveOrders = <O>(handle: (order: O) => Promise<unknown>): void => {
  process.on('message', (order) => {
    handle(order as O).then(
      (answer) => process.send?.(answer ?? null),
      (error: unknown) => {
        process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
        process.exit(1);
      },
    );
  });
};
