/**
 * Batches on their way between threads: numbers and bodies in two buffers, because cloning the records as objects costs both
 * threads more than storing them.
 */
import type { AnyRecord, Reading } from '@shoal/protocol';
import { PRIORITY_CLASSES, RECORD_KINDS } from '@shoal/protocol/vocabulary';
import type { IncomingBatch } from '../telemetry-store.ts';
import { recordJson, shapeKey, writeReading, type Shape } from './record-body.ts';

export const LANES = ['live', 'backlog'] as const;
export const CLOCKS = ['good', 'adjusted', 'bad'] as const;

/** Doubles per batch: device, epoch (indices of `strings`), kind, class, lane, receivedAt, number of records. */
export const BATCH_NUMBERS = 7;
/** Doubles per record: sequence, observedAt, eventAt, clock, shape (index of `strings`, or -1), bytes of its body. */
export const RECORD_NUMBERS = 6;

const FIRST_GUESS_BYTES = 128;
const MARK_BYTES = 3;

export interface PackedRecords {
  readonly strings: readonly string[];
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly bodies: Uint8Array<ArrayBuffer>;
}

/** Made anew for each. */
class Packer {
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly strings: string[] = [];
  readonly #indices = new Map<string, number>();
  #bodies: Buffer<ArrayBuffer>;
  #end = 0;
  #at = 0;
  #shape: (Shape & { readonly index: number }) | undefined;

  constructor(batches: number, records: number) {
    this.numbers = new Float64Array(batches * BATCH_NUMBERS + records * RECORD_NUMBERS);
    this.#bodies = Buffer.from(new ArrayBuffer(records * FIRST_GUESS_BYTES));
  }

  get bodies(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bodies.buffer, 0, this.#end);
  }

  batch(batch: IncomingBatch): void {
    this.#push(this.#index(batch.deviceId));
    this.#push(this.#index(batch.epoch));
    this.#push(RECORD_KINDS.indexOf(batch.kind));
    this.#push(PRIORITY_CLASSES.indexOf(batch.class));
    this.#push(LANES.indexOf(batch.lane));
    this.#push(batch.receivedAt);
    this.#push(batch.count);
    for (const [index, record] of batch.records.entries()) {
      this.#push(record.sequence);
      this.#push(record.observedAt);
      this.#push(batch.eventAt[index] ?? record.observedAt);
      this.#push(CLOCKS.indexOf(batch.clock[index] ?? 'good'));
      if (batch.kind === 'readings') this.#reading(record as Reading);
      else this.#json(record);
    }
  }

  #reading(reading: Reading): void {
    const shape = this.#shapeOf(reading);
    const marks = reading.marks === undefined ? 0 : JSON.stringify(reading.marks).length * MARK_BYTES;
    this.#reserve(shape.channels.length * Float64Array.BYTES_PER_ELEMENT + marks);
    this.#push(shape.index);
    this.#body(writeReading(this.#bodies, this.#end, reading, shape));
  }

  #json(record: AnyRecord): void {
    const json = recordJson(record);
    this.#reserve(json.length * MARK_BYTES);
    this.#push(-1);
    this.#body(this.#bodies.write(json, this.#end, 'utf8'));
  }

  /** Readings of one device mostly look alike: the shape of the one before is tried first. */
  #shapeOf(reading: Reading): Shape & { readonly index: number } {
    const channels = Object.keys(reading.values);
    const last = this.#shape;
    if (
      last !== undefined &&
      last.source === reading.source &&
      last.channels.length === channels.length &&
      channels.every((channel, index) => channel === last.channels[index])
    ) {
      return last;
    }
    const shape = { source: reading.source, channels };
    this.#shape = { ...shape, index: this.#index(shapeKey(shape)) };
    return this.#shape;
  }

  #push(value: number): void {
    this.numbers[this.#at] = value;
    this.#at += 1;
  }

  #body(bytes: number): void {
    this.#push(bytes);
    this.#end += bytes;
  }

  #index(text: string): number {
    const known = this.#indices.get(text);
    if (known !== undefined) return known;
    this.strings.push(text);
    this.#indices.set(text, this.strings.length - 1);
    return this.strings.length - 1;
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#bodies.length) return;
    const larger = Buffer.from(new ArrayBuffer(Math.max(this.#bodies.length * 2, this.#end + bytes)));
    this.#bodies.copy(larger, 0, 0, this.#end);
    this.#bodies = larger;
  }
}

export const packRecords = (batches: readonly IncomingBatch[]): PackedRecords => {
  const records = batches.reduce((sum, { count }) => sum + count, 0);
  const packer = new Packer(batches.length, records);
  for (const batch of batches) packer.batch(batch);
  return { strings: packer.strings, numbers: packer.numbers, bodies: packer.bodies };
};

/** Of all, about: what a batch has of its own is counted with them. */
export const recordsIn = (parts: readonly PackedRecords[]): number =>
  Math.ceil(parts.reduce((sum, { numbers }) => sum + numbers.length, 0) / RECORD_NUMBERS);

/** What a thread gives away with them. */
export const buffersOf = ({ numbers, bodies }: PackedRecords): ArrayBuffer[] => [numbers.buffer, bodies.buffer];
