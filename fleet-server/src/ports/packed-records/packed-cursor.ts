/** Walks packed records: batch by batch, record by record, without an object per record. */
import { BATCH_NUMBERS, RECORD_NUMBERS, type PackedRecords } from './pack-records.ts';

const NO_BYTES = new Uint8Array(0);

/** The fields are those of the batch and the record the cursor stands on. */
export class PackedCursor {
  deviceId = '';
  epoch = '';
  kind = 0;
  priority = 0;
  lane = 0;
  receivedAt = 0;

  sequence = 0;
  observedAt = 0;
  eventAt = 0;
  clock = 0;
  /** Key of the shape; null for what is JSON. */
  shape: string | null = null;
  body: Uint8Array = NO_BYTES;
  /** Of the record among all of all parts. */
  index = -1;

  readonly #parts: readonly PackedRecords[];
  #part = 0;
  #at = 0;
  #bodyAt = 0;
  #left = 0;

  constructor(parts: readonly PackedRecords[]) {
    this.#parts = parts;
  }

  /** The records of the batch before must have been walked. */
  nextBatch(): boolean {
    while (this.#at >= (this.#parts[this.#part]?.numbers.length ?? Infinity)) {
      this.#part += 1;
      this.#at = 0;
      this.#bodyAt = 0;
    }
    const packed = this.#parts[this.#part];
    if (packed === undefined) return false;
    const { numbers, strings } = packed;
    const at = this.#at;
    this.deviceId = strings[numbers[at] ?? 0] ?? '';
    this.epoch = strings[numbers[at + 1] ?? 0] ?? '';
    this.kind = numbers[at + 2] ?? 0;
    this.priority = numbers[at + 3] ?? 0;
    this.lane = numbers[at + 4] ?? 0;
    this.receivedAt = numbers[at + 5] ?? 0;
    this.#left = numbers[at + 6] ?? 0;
    this.#at += BATCH_NUMBERS;
    return true;
  }

  nextRecord(): boolean {
    const packed = this.#parts[this.#part];
    if (this.#left === 0 || packed === undefined) return false;
    const { numbers, strings, bodies } = packed;
    const at = this.#at;
    this.sequence = numbers[at] ?? 0;
    this.observedAt = numbers[at + 1] ?? 0;
    this.eventAt = numbers[at + 2] ?? 0;
    this.clock = numbers[at + 3] ?? 0;
    const shapeIndex = numbers[at + 4] ?? -1;
    this.shape = shapeIndex < 0 ? null : (strings[shapeIndex] ?? null);
    const bodyEnd = this.#bodyAt + (numbers[at + 5] ?? 0);
    this.body = bodies.subarray(this.#bodyAt, bodyEnd);
    this.#bodyAt = bodyEnd;
    this.#at += RECORD_NUMBERS;
    this.#left -= 1;
    this.index += 1;
    return true;
  }
}
