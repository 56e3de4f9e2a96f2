/** Writes and reads small binary states: variable-length integers (LEB128), doubles and texts, one after the other. */

const FIRST_BYTES = 256;
const LOW_BITS = 128;
const DOUBLE_BYTES = 8;

export class ByteWriter {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  /** A non-negative safe integer; seven bits a byte. */
  integer(value: number): void {
    this.#reserve(DOUBLE_BYTES);
    let rest = value;
    while (rest >= LOW_BITS) {
      this.#buffer[this.#length] = (rest % LOW_BITS) + LOW_BITS;
      this.#length += 1;
      rest = Math.floor(rest / LOW_BITS);
    }
    this.#buffer[this.#length] = rest;
    this.#length += 1;
  }

  /** Any safe integer below 2^52 in size; small ones of either sign are short. */
  signed(value: number): void {
    this.integer(value < 0 ? -2 * value - 1 : 2 * value);
  }

  double(value: number): void {
    this.#reserve(DOUBLE_BYTES);
    this.#length = this.#buffer.writeDoubleLE(value, this.#length);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  text(text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    this.integer(bytes.length);
    this.bytes(bytes);
  }

  /** A copy of what was written; writing starts anew. */
  take(): Buffer {
    const taken = Buffer.from(this.#buffer.subarray(0, this.#length));
    this.#length = 0;
    return taken;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

/** Reads what a `ByteWriter` wrote, in the same order. Beyond the end: RangeError. */
export class ByteReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  integer(): number {
    let [value, unit] = [0, 1];
    for (;;) {
      const byte = this.#buffer.readUInt8(this.#at);
      this.#at += 1;
      value += (byte % LOW_BITS) * unit;
      if (byte < LOW_BITS) return value;
      unit *= LOW_BITS;
    }
  }

  signed(): number {
    const value = this.integer();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  double(): number {
    const value = this.#buffer.readDoubleLE(this.#at);
    this.#at += DOUBLE_BYTES;
    return value;
  }

  bytes(length: number): Buffer {
    if (this.#at + length > this.#buffer.length) throw new RangeError(`${length} bytes are not there`);
    const bytes = this.#buffer.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }

  text(): string {
    return this.bytes(this.integer()).toString('utf8');
  }
}
