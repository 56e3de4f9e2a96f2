/** Lines from a serial port; a port that is unplugged fails the source, which is opened again after a pause. */
import { on } from 'node:events';
import { stat } from 'node:fs/promises';
import type { SerialPort } from 'serialport';
import { AgentError, sentenceOf } from '../errors.ts';
import type { Clock } from '../runtime.ts';
import { boundedLines } from './bounded-lines.ts';
import { lineParser, type LineFormat } from './line-formats.ts';
import type { Sample, SensorSource, SourceReport } from './sensor-source.port.ts';
import { Tally } from './tally.ts';

export interface SerialLine {
  readonly path: string;
  readonly baudRate: number;
  readonly dataBits: 5 | 6 | 7 | 8;
  readonly stopBits: 1 | 1.5 | 2;
  readonly parity: 'none' | 'even' | 'odd' | 'mark' | 'space';
  readonly flowControl: 'none' | 'hardware' | 'software';
}

export interface SerialOptions extends SerialLine {
  readonly name: string;
  readonly format: LineFormat;
  readonly maxLineBytes: number;
  readonly clock: Clock;
}

/** Chunks that may wait before the port is paused. */
const MAX_WAITING = 64;

/** Throws SENSOR_SERIAL_FAILED. The library is loaded by the first port: agents without one do not carry it. */
const openPort = async (line: SerialLine): Promise<SerialPort> => {
  const { SerialPort: Port } = await import('serialport');
  const { flowControl, ...settings } = line;
  const isSoft = flowControl === 'software';
  const port = new Port({
    ...settings,
    rtscts: flowControl === 'hardware',
    xon: isSoft,
    xoff: isSoft,
    autoOpen: false,
    lock: true,
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  port.open((error) => (error === null ? resolve() : reject(error)));
  try {
    await promise;
  } catch (cause) {
    const why = sentenceOf(cause);
    throw new AgentError('SENSOR_SERIAL_FAILED', `Cannot open ${line.path}: ${why}. It is tried again.`, { cause });
  }
  return port;
};

const close = async (port: SerialPort): Promise<void> => {
  port.on('error', () => undefined);
  if (port.isOpen) await new Promise<void>((resolve) => port.close(() => resolve()));
};

const LOOK_MS = 500;

/** Which device a path leads to now; null when it leads nowhere. */
const deviceAt = async (path: string): Promise<string | null> =>
  stat(path).then(
    ({ dev, ino, rdev }) => `${dev} ${ino} ${rdev}`,
    () => null,
  );

/**
 * Closes the port when its device is gone. A terminal that hung up reads as zero bytes, and the library's answer to zero
 * bytes is to read again at once, for ever: the file of the device is what tells.
 */
const closeWhenGone = async (port: SerialPort, path: string): Promise<NodeJS.Timeout> => {
  const opened = await deviceAt(path);
  return setInterval(() => {
    void deviceAt(path).then((now) => (now !== opened && port.isOpen ? port.close(() => undefined) : undefined));
  }, LOOK_MS);
};

async function* chunksOf(port: SerialPort, signal: AbortSignal): AsyncGenerator<Buffer> {
  const events = on(port, 'data', { close: ['close'], highWaterMark: MAX_WAITING, signal });
  for await (const [chunk] of events as AsyncIterable<[Buffer]>) yield chunk;
}

export class SerialSource implements SensorSource {
  readonly canWait = false;
  readonly name: string;
  readonly #options: SerialOptions;
  readonly #bad = new Tally();
  #channels: readonly string[] = [];
  #rowsRead = 0;

  constructor(options: SerialOptions) {
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

  // Throws SENSOR_SERIAL_FAILED.
  async *samples(signal: AbortSignal): AsyncGenerator<Sample> {
    const { path, baudRate, dataBits, stopBits, parity, flowControl } = this.#options;
    const port = await openPort({ path, baudRate, dataBits, stopBits, parity, flowControl });
    const look = await closeWhenGone(port, path);
    try {
      yield* this.#read(port, signal);
    } catch (cause) {
      if (signal.aborted) return;
      throw new AgentError('SENSOR_SERIAL_FAILED', `${path} failed: ${sentenceOf(cause)}.`, { cause });
    } finally {
      clearInterval(look);
      await close(port);
    }
    if (signal.aborted) return;
    throw new AgentError('SENSOR_SERIAL_FAILED', `${path} was unplugged; it is opened again when it is back.`);
  }

  // Who opens a port in the middle of a line reads its end first: 23.5 as 3.5. What comes before the first line end is left out.
  async *#read(port: SerialPort, signal: AbortSignal): AsyncGenerator<Sample> {
    const { maxLineBytes } = this.#options;
    const chunks = afterFirstLine(chunksOf(port, signal));
    for await (const line of boundedLines(chunks, maxLineBytes, () => this.#countBad('line-too-long'))) {
      const sample = this.#parse(line);
      if (sample !== null) yield sample;
    }
  }

  #parse(line: string): Sample | null {
    const { format, clock } = this.#options;
    const sample = lineParser(format)(line, clock.now());
    if (typeof sample === 'string') {
      this.#countBad(sample);
      return null;
    }
    this.#rowsRead += 1;
    this.#channels = Object.keys(sample.values);
    return sample;
  }

  #countBad(reason: string): void {
    this.#rowsRead += 1;
    this.#bad.add(reason);
  }
}

async function* afterFirstLine(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let isWhole = false;
  for await (const chunk of chunks) {
    if (isWhole) {
      yield chunk;
      continue;
    }
    const end = chunk.indexOf(0x0a);
    isWhole = end >= 0;
    if (isWhole) yield chunk.subarray(end + 1);
  }
}
