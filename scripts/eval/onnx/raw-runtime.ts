/** onnxruntime-node by itself, in a process that is replaced when a case hangs or kills it. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Tensors } from '@shoal/protocol';
import type { RawReply, RawRun } from './raw-messages.ts';

const CASE_MS = 30_000;

export class RawRuntime {
  readonly #mode: 'plain' | 'repaired';
  #process: ChildProcess | undefined;
  #id = 0;

  constructor(mode: 'plain' | 'repaired') {
    this.#mode = mode;
  }

  /** The sentence of onnxruntime where it refuses or fails. */
  async run(modelPath: string, inputs: Tensors): Promise<RawRun | string> {
    const child = (this.#process ??= this.#start());
    const id = (this.#id += 1);
    const { promise, resolve } = Promise.withResolvers<RawReply>();
    const onMessage = (reply: unknown): void => resolve(reply as RawReply);
    const onExit = (): void => resolve({ id, ok: false, why: 'the process ended' });
    child.once('message', onMessage);
    child.once('exit', onExit);
    const timer = setTimeout(() => child.kill('SIGKILL'), CASE_MS);
    child.send({ id, modelPath, inputs });
    const reply = await promise;
    clearTimeout(timer);
    child.off('message', onMessage);
    child.off('exit', onExit);
    if (child.exitCode !== null || child.signalCode !== null) this.#process = undefined;
    return reply.ok ? reply.run : reply.why;
  }

  stop(): void {
    this.#process?.kill('SIGKILL');
  }

  #start(): ChildProcess {
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
    return fork(fileURLToPath(new URL(`./raw-process${extension}`, import.meta.url)), [this.#mode], {
      serialization: 'advanced',
      env: { ORT_DISABLE_TELEMETRY: '1', PATH: '/usr/bin:/bin' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
  }
}
