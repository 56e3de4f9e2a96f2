/** Samples as lines of JSON, from standard input or from a child process that is started again when it ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { AgentError } from '../errors.ts';
import type { Clock, Logger } from '../runtime.ts';
import { boundedLines } from './bounded-lines.ts';
import { parseSampleLine } from './json-sample.ts';
import { pause } from './pause.ts';
import type { Sample, SensorSource, SourceReport } from './sensor-source.port.ts';
import { Tally } from './tally.ts';

export interface JsonLinesOptions {
  readonly name: string;
  /** A stream to read once, or a program with its arguments to run for as long as the agent does. */
  readonly from: { readonly stream: Readable } | { readonly command: string; readonly args: readonly string[] };
  readonly maxLineBytes: number;
  /** Milliseconds before the n-th start in a row of a child that gave nothing, n from 0. */
  readonly restartPauseMs: (attempt: number) => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Kills what still runs, and waits until it is gone. */
const ended = async (child: ChildProcess): Promise<void> => {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
};

export class JsonLinesSource implements SensorSource {
  readonly canWait = false;
  readonly name: string;
  readonly #options: JsonLinesOptions;
  readonly #bad = new Tally();
  #channels: readonly string[] = [];
  #rowsRead = 0;

  constructor(options: JsonLinesOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Of the last line. */
  get channels(): readonly string[] {
    return this.#channels;
  }

  report(): SourceReport {
    return { rowsRead: this.#rowsRead, bad: this.#bad.counts(), timeShiftMs: null };
  }

  async *samples(signal: AbortSignal): AsyncGenerator<Sample, void> {
    const { from, restartPauseMs } = this.#options;
    if ('stream' in from) return yield* this.#drain(from.stream, signal);
    for (let silentStarts = 0; !signal.aborted;) {
      const before = this.#rowsRead;
      yield* this.#run(from.command, from.args, signal);
      silentStarts = this.#rowsRead > before ? 0 : silentStarts + 1;
      if (signal.aborted) return;
      this.#bad.add('process-ended');
      await pause(restartPauseMs(silentStarts), signal);
    }
  }

  // A stream that is read to its end, or closed under the reader when the signal aborts.
  async *#drain(stream: Readable, signal: AbortSignal): AsyncGenerator<Sample, void> {
    const end = (): void => void stream.destroy();
    signal.addEventListener('abort', end, { once: true });
    try {
      yield* this.#read(stream);
    } catch (cause) {
      if (signal.aborted) return;
      throw new AgentError('SENSOR_STREAM_FAILED', `The input of ${this.name} failed; it is read again.`, { cause });
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  async *#run(command: string, args: readonly string[], signal: AbortSignal): AsyncGenerator<Sample, void> {
    const { logger } = this.#options;
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const end = (): void => void child.kill('SIGTERM');
    signal.addEventListener('abort', end, { once: true });
    child.once('error', (cause) => {
      const { message } = new AgentError(
        'SENSOR_PROCESS_FAILED',
        `Cannot run ${command} for ${this.name}: ${cause.message}.`,
      );
      logger.warn({ sensor: this.name, code: 'SENSOR_PROCESS_FAILED' }, message);
    });
    child.once('exit', (code, cause) => logger.info({ sensor: this.name, code, cause }, `${command} ended`));
    child.stderr.on('data', (chunk: Buffer) =>
      logger.debug({ sensor: this.name, stderr: chunk.toString('utf8').slice(0, 512) }, `${command} says`),
    );
    try {
      yield* this.#read(child.stdout);
    } finally {
      signal.removeEventListener('abort', end);
      await ended(child);
    }
  }

  async *#read(stream: Readable): AsyncGenerator<Sample, void> {
    const { clock, maxLineBytes } = this.#options;
    const tooLong = (): void => this.#countBad('line-too-long');
    for await (const line of boundedLines(stream as AsyncIterable<Buffer>, maxLineBytes, tooLong)) {
      const sample = parseSampleLine(line, clock.now());
      if (typeof sample === 'string') {
        this.#countBad(sample);
        continue;
      }
      this.#rowsRead += 1;
      this.#channels = Object.keys(sample.values);
      yield sample;
    }
  }

  #countBad(reason: string): void {
    this.#rowsRead += 1;
    this.#bad.add(reason);
  }
}
