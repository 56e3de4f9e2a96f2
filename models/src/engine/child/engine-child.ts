/** One engine process from start to end: one request at a time, and a named reason when it is lost. */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { ModelError } from '../../errors.ts';
import {
  parseChildMessage,
  type ChildAnswer,
  type ChildCall,
  type ChildMessage,
  type LoadedMessage,
} from './framing.ts';
import { spawnChild, type ChildLaunch } from './spawn-child.ts';
import { limitUsableTime } from './usable-time.ts';
import { readProcessorWaitMs, readResidentBytes } from './watchdog.ts';
import { decodeFrame, encodeFrame, FrameAssembler, mostFrameBytes } from './wire.ts';

/** Milliseconds and bytes. */
export interface ChildLimits {
  readonly startMs: number;
  readonly residentBytes: number;
  readonly pollMs: number;
}

interface Waiting {
  readonly id: number;
  readonly endLimit: () => void;
  readonly resolve: (answer: ChildAnswer) => void;
  readonly reject: (error: ModelError) => void;
}

/** Where `spawn-child.ts` lays the socket. */
const CHANNEL_FD = 3;
const STDERR_CHARS = 2_000;
const OUT_OF_MEMORY = /bad_alloc|out of memory|allocation failed|cannot allocate/i;

/** A process is used from `start` until `lost` is set; it is never restarted. */
export class EngineChild {
  readonly #process: ChildProcess;
  readonly #socket: Socket;
  readonly #frames = new FrameAssembler();
  readonly #folder: string;
  #limits: ChildLimits;
  #waiting: Waiting | null = null;
  #hello: PromiseWithResolvers<void> = Promise.withResolvers();
  #exited: PromiseWithResolvers<void> = Promise.withResolvers();
  #stderr = '';
  #nextId = 1;
  #residentBytes: number | null = null;
  #lost: ModelError | null = null;
  #poll: NodeJS.Timeout | null = null;
  /** Models this process has loaded, by key. */
  readonly models = new Map<string, LoadedMessage>();
  /** Models its runtime has ever seen, by key: what they left behind nobody knows. */
  readonly tenants = new Set<string>();

  private constructor(process: ChildProcess, folder: string, limits: ChildLimits) {
    this.#process = process;
    this.#socket = process.stdio[CHANNEL_FD] as Socket;
    this.#folder = folder;
    this.#limits = limits;
  }

  /** Resolves when the runtime is up. Rejects with ENGINE_CRASHED, ENGINE_TIMEOUT, ENGINE_OUT_OF_MEMORY. */
  static async start(launch: ChildLaunch, limits: ChildLimits): Promise<EngineChild> {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-engine-'));
    const child = new EngineChild(spawnChild(launch, folder), folder, limits);
    child.#listen();
    await child.#greeted();
    return child;
  }

  get pid(): number | null {
    return this.#process.pid ?? null;
  }

  /** At the last look. */
  get residentBytes(): number | null {
    return this.#residentBytes;
  }

  /** Why the process is gone or going; null while it can be used. */
  get lost(): ModelError | null {
    return this.#lost;
  }

  /** From the next look on, more than these bytes are the end of the process. */
  watch(limits: ChildLimits): void {
    this.#limits = limits;
  }

  /** Bytes, looked at now; null when unknown. */
  measureResident(): number | null {
    if (this.pid !== null) this.#residentBytes = readResidentBytes(this.pid);
    return this.#residentBytes;
  }

  /** Resolves with the answer; rejects with a failure the process answers, with why it was lost, or with ENGINE_TIMEOUT after killing it at `limitMs`. */
  call(call: ChildCall, limitMs: number): Promise<ChildAnswer> {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<ChildAnswer>();
    // Its timer keeps the parent alive as long as an answer is owed.
    const endLimit = this.#limitTime(limitMs, `No answer within ${limitMs} ms`);
    this.#waiting = { id, endLimit, resolve, reject };
    this.#frames.mostBytes = mostFrameBytes(call);
    this.#watchMemory();
    this.#socket.write(encodeFrame({ ...call, id }), this.#onWritten);
    return promise;
  }

  /** Ends the process and removes its folder; resolves when both are gone. */
  async stop(): Promise<void> {
    this.#kill(new ModelError('ENGINE_CLOSED', 'The engine process was stopped'));
    this.#process.ref();
    await this.#exited.promise;
    await rm(this.#folder, { recursive: true, force: true });
  }

  #listen(): void {
    this.#hello.promise.catch(() => undefined);
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    // Who is gone exits as well, and that says why; what could not be written says so itself.
    this.#socket.on('error', () => undefined);
    this.#process.on('error', (cause) => {
      this.#lose(new ModelError('ENGINE_CRASHED', `The engine process cannot be started: ${cause.message}`, { cause }));
      if (this.pid === null) this.#exited.resolve();
    });
    this.#process.on('exit', (code, signal) => this.#onExit(code, signal));
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_CHARS);
    });
  }

  async #greeted(): Promise<void> {
    const { startMs } = this.#limits;
    const endLimit = this.#limitTime(startMs, `Not up within ${startMs} ms`);
    try {
      await this.#hello.promise;
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      endLimit();
    }
    this.#letGo();
    this.#watchMemory();
  }

  /** A machine with other work makes nobody a model that hangs. */
  #limitTime(limitMs: number, over: string): () => void {
    return limitUsableTime({
      limitMs,
      waitedMs: () => (this.pid === null ? 0 : readProcessorWaitMs(this.pid)),
      onOver: () => this.#kill(new ModelError('ENGINE_TIMEOUT', over)),
    });
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (error != null) this.#kill(new ModelError('ENGINE_CRASHED', `The channel broke: ${error.message}`));
  };

  #onData(chunk: Buffer): void {
    const frames = this.#frames.add(chunk) ?? [Buffer.alloc(0)];
    for (const frame of frames) this.#receive(parseChildMessage(decodeFrame(frame)));
  }

  #receive(message: ChildMessage | null): void {
    if (message?.type === 'hello') return this.#hello.resolve();
    const waiting = this.#waiting;
    if (message === null || waiting?.id !== message.id)
      return this.#kill(new ModelError('ENGINE_PROTOCOL_INVALID', 'The engine process sent what is not an answer'));
    this.#waiting = null;
    waiting.endLimit();
    if (message.type === 'failed') return waiting.reject(new ModelError(message.code, message.message));
    return waiting.resolve(message);
  }

  /** While there is work, and once after it: a process that is asked nothing does not grow, and nobody is woken for it. */
  #watchMemory(): void {
    if (this.#lost !== null) return;
    this.#poll ??= setTimeout(() => {
      this.#poll = null;
      this.#lookAtMemory();
      if (this.#waiting !== null) this.#watchMemory();
    }, this.#limits.pollMs).unref();
  }

  #lookAtMemory(): void {
    const cap = this.#limits.residentBytes;
    const held = this.measureResident();
    if (held !== null && held > cap)
      this.#kill(new ModelError('ENGINE_OUT_OF_MEMORY', `The engine process holds ${held} bytes, at most ${cap}`));
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    const last = this.#stderr.trim().split('\n').slice(-3).join(' | ');
    const cause = OUT_OF_MEMORY.test(this.#stderr) ? 'ENGINE_OUT_OF_MEMORY' : 'ENGINE_CRASHED';
    this.#lose(
      new ModelError(cause, `The engine process ended (${signal ?? `exit code ${code}`})${last && `: ${last}`}`),
    );
    this.#exited.resolve();
    void rm(this.#folder, { recursive: true, force: true });
  }

  #kill(reason: ModelError): void {
    this.#lose(reason);
    this.#process.kill('SIGKILL');
  }

  /** The first reason is the true one. */
  #lose(reason: ModelError): void {
    this.#lost ??= reason;
    if (this.#poll !== null) clearTimeout(this.#poll);
    this.#hello.reject(this.#lost);
    this.#waiting?.endLimit();
    this.#waiting?.reject(this.#lost);
    this.#waiting = null;
  }

  /** From now on it does not keep its parent alive. */
  #letGo(): void {
    this.#process.unref();
    this.#socket.unref();
    (this.#process.stderr as { unref?: () => void } | null)?.unref?.();
  }
}
