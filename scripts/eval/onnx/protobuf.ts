/** Reads protocol buffers field by field: enough for ONNX messages, which nest and pack. */

export interface Field {
  readonly number: number;
  /** Of a length-delimited field. */
  readonly bytes: Uint8Array;
  /** Of a varint, or the bits of a fixed field. */
  readonly value: bigint;
}

const NOTHING = new Uint8Array();

class Cursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#view.getUint8(this.#at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError('a varint of more than ten bytes');
  }

  fixed(width: 4 | 8): bigint {
    const value = width === 4 ? BigInt(this.#view.getUint32(this.#at, true)) : this.#view.getBigUint64(this.#at, true);
    this.#at += width;
    return value;
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw new RangeError('a field reaches over the end');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

const fieldOf = (cursor: Cursor): Field => {
  const key = Number(cursor.varint());
  const number = key >>> 3;
  switch (key & 7) {
    case 0:
      return { number, bytes: NOTHING, value: cursor.varint() };
    case 1:
      return { number, bytes: NOTHING, value: cursor.fixed(8) };
    case 2:
      return { number, bytes: cursor.take(Number(cursor.varint())), value: 0n };
    case 5:
      return { number, bytes: NOTHING, value: cursor.fixed(4) };
    default:
      throw new RangeError(`wire type ${key & 7} is not of this format`);
  }
};

/** In the order of the message. Throws RangeError for what is none. */
export const fieldsOf = (message: Uint8Array): Field[] => {
  const cursor = new Cursor(message);
  const fields: Field[] = [];
  while (!cursor.isAtEnd) fields.push(fieldOf(cursor));
  return fields;
};

/** Values of a repeated varint field, packed or not. */
export const varintsOf = (fields: readonly Field[], number: number): bigint[] =>
  fields
    .filter((field) => field.number === number)
    .flatMap(({ bytes, value }) => {
      if (bytes === NOTHING) return [value];
      const cursor = new Cursor(bytes);
      const values: bigint[] = [];
      while (!cursor.isAtEnd) values.push(cursor.varint());
      return values;
    });

/** Bytes of a repeated fixed-size field, packed or not, joined. */
export const packedBytesOf = (fields: readonly Field[], number: number, width: 4 | 8): Uint8Array => {
  const parts = fields
    .filter((field) => field.number === number)
    .map(({ bytes, value }) => {
      if (bytes !== NOTHING) return bytes;
      const own = new DataView(new ArrayBuffer(8));
      own.setBigUint64(0, value, true);
      return new Uint8Array(own.buffer, 0, width);
    });
  return new Uint8Array(Buffer.concat(parts));
};

export const textOf = (fields: readonly Field[], number: number): string =>
  new TextDecoder().decode(fields.findLast((field) => field.number === number)?.bytes ?? NOTHING);
