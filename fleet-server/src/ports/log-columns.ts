/**
 * What records of the log say to the sources of features, as columns: on its way from the thread that reads the log to the one that
 * writes features it crosses the event loop, which passes it on without a look at an entry.
 */

/** An entry is what records of one device that were received at once say to one source. */
export interface LogColumns {
  readonly devices: readonly string[];
  /** Per entry: position in `devices`. */
  readonly device: Uint32Array;
  /** Per entry: position in the sources that were asked for. */
  readonly source: Uint32Array;
  /** Per entry; milliseconds. */
  readonly receivedAt: Float64Array;
  /** Per entry: where its values end; they begin where those of the entry before end. */
  readonly ends: Uint32Array;
  /** Parallel to `values`; milliseconds. Within an entry by ascending sequence. */
  readonly eventAt: Float64Array;
  readonly values: Float64Array;
}

export interface LogEntry {
  readonly source: number;
  readonly deviceId: string;
  readonly receivedAt: number;
  /** Parallel to `values`. */
  readonly eventAt: Float64Array | readonly number[];
  readonly values: Float64Array | readonly number[];
}

export class LogColumnsBuilder {
  readonly #devices = new Map<string, number>();
  readonly #device: number[] = [];
  readonly #source: number[] = [];
  readonly #receivedAt: number[] = [];
  readonly #ends: number[] = [];
  readonly #eventAt: number[] = [];
  readonly #values: number[] = [];

  add({ source, deviceId, receivedAt, eventAt, values }: LogEntry): void {
    const device = this.#devices.get(deviceId) ?? this.#devices.size;
    this.#devices.set(deviceId, device);
    this.#device.push(device);
    this.#source.push(source);
    this.#receivedAt.push(receivedAt);
    for (const at of eventAt) this.#eventAt.push(at);
    for (const value of values) this.#values.push(value);
    this.#ends.push(this.#values.length);
  }

  columns(): LogColumns {
    return {
      devices: [...this.#devices.keys()],
      device: Uint32Array.from(this.#device),
      source: Uint32Array.from(this.#source),
      receivedAt: Float64Array.from(this.#receivedAt),
      ends: Uint32Array.from(this.#ends),
      eventAt: Float64Array.from(this.#eventAt),
      values: Float64Array.from(this.#values),
    };
  }
}

/** In the order they were added; their arrays are views of the columns. */
export const entriesOf = ({ devices, device, source, receivedAt, ends, eventAt, values }: LogColumns): LogEntry[] =>
  Array.from(ends, (end, index) => {
    const from = index === 0 ? 0 : (ends[index - 1] ?? 0);
    return {
      source: source[index] ?? 0,
      deviceId: devices[device[index] ?? 0] ?? '',
      receivedAt: receivedAt[index] ?? 0,
      eventAt: eventAt.subarray(from, end),
      values: values.subarray(from, end),
    };
  });

/** What a thread gives away with them. */
export const buffersOf = ({ device, source, receivedAt, ends, eventAt, values }: LogColumns): ArrayBuffer[] =>
  [device, source, receivedAt, ends, eventAt, values].map(({ buffer }) => buffer as ArrayBuffer);
