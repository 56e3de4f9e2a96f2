/**
 * How many different values a stream holds, in bounded memory: exact up to a thousand, then HyperLogLog with 2^14 registers
 * (standard error 0.81 %) and the estimator of Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017),
 * which needs no empirical correction. The same values give the same state in whatever order they come.
 */
import type { ByteReader, ByteWriter } from './byte-codec.ts';
import { hash53 } from './hash53.ts';

const INDEX_BITS = 14;
const REGISTERS = 2 ** INDEX_BITS;
/** Of the 53 bits of a hash, those that are not the index. */
const RANK_BITS = 53 - INDEX_BITS;
const EXACT_UP_TO = 1_000;
const BITS_PER_REGISTER = 6;
/** A register that is written by itself takes two bytes, all of them together six bits each. */
const SPARSE_BELOW = (REGISTERS * BITS_PER_REGISTER) / 8 / 2;

const FORMS = { exact: 0, sparse: 1, dense: 2 } as const;

export class DistinctSketch {
  /** Hashes; undefined once there are registers. */
  #exact: Set<number> | undefined = new Set();
  #registers: Uint8Array | undefined;

  /** Numbers and texts are different values: 1 is not "1". */
  add(value: number | string | boolean): void {
    this.#addHash(hash53(typeof value === 'string' ? `s${value}` : `v${String(value)}`));
  }

  merge(other: DistinctSketch): void {
    if (other.#exact !== undefined) for (const hash of other.#exact) this.#addHash(hash);
    const theirs = other.#registers;
    if (theirs === undefined) return;
    const mine = this.#dense();
    for (let index = 0; index < REGISTERS; index += 1) mine[index] = Math.max(mine[index] ?? 0, theirs[index] ?? 0);
  }

  /** Exact up to 1,000. */
  count(): number {
    return this.#exact?.size ?? Math.round(estimate(this.#dense()));
  }

  write(writer: ByteWriter): void {
    if (this.#exact !== undefined) {
      writer.integer(FORMS.exact);
      writer.integer(this.#exact.size);
      let before = 0;
      for (const hash of [...this.#exact].toSorted((a, b) => a - b)) {
        writer.integer(hash - before);
        before = hash;
      }
      return;
    }
    const registers = this.#dense();
    const used = registers.reduce((count, rank) => count + (rank > 0 ? 1 : 0), 0);
    if (used < SPARSE_BELOW) writeSparse(writer, registers, used);
    else writeDense(writer, registers);
  }

  static read(reader: ByteReader): DistinctSketch {
    const sketch = new DistinctSketch();
    const form = reader.integer();
    if (form === FORMS.exact) {
      const size = reader.integer();
      let hash = 0;
      for (let read = 0; read < size; read += 1) {
        hash += reader.integer();
        sketch.#exact?.add(hash);
      }
      return sketch;
    }
    const registers = sketch.#dense();
    if (form === FORMS.sparse) readSparse(reader, registers);
    else readDense(reader, registers);
    return sketch;
  }

  #addHash(hash: number): void {
    if (this.#exact === undefined) {
      raise(this.#dense(), hash);
      return;
    }
    this.#exact.add(hash);
    if (this.#exact.size > EXACT_UP_TO) this.#dense();
  }

  #dense(): Uint8Array {
    if (this.#registers !== undefined) return this.#registers;
    const registers = new Uint8Array(REGISTERS);
    if (this.#exact !== undefined) for (const hash of this.#exact) raise(registers, hash);
    this.#exact = undefined;
    this.#registers = registers;
    return registers;
  }
}

/** The rank is the place of the first one-bit behind the index. */
const raise = (registers: Uint8Array, hash: number): void => {
  const index = Math.floor(hash / 2 ** RANK_BITS);
  const rest = hash % 2 ** RANK_BITS;
  const rank = rest === 0 ? RANK_BITS + 1 : RANK_BITS - Math.floor(Math.log2(rest));
  if (rank > (registers[index] ?? 0)) registers[index] = rank;
};

/** Algorithm 6 of the paper. */
const estimate = (registers: Uint8Array): number => {
  const counts = new Float64Array(RANK_BITS + 2);
  for (const rank of registers) counts[rank] = (counts[rank] ?? 0) + 1;
  let z = REGISTERS * tau(1 - (counts[RANK_BITS + 1] ?? 0) / REGISTERS);
  for (let rank = RANK_BITS; rank >= 1; rank -= 1) z = 0.5 * (z + (counts[rank] ?? 0));
  z += REGISTERS * sigma((counts[0] ?? 0) / REGISTERS);
  return REGISTERS ** 2 / (2 * Math.LN2 * z);
};

const sigma = (start: number): number => {
  if (start === 1) return Number.POSITIVE_INFINITY;
  let [x, y, z] = [start, 1, start];
  for (;;) {
    x *= x;
    const before = z;
    z += x * y;
    y += y;
    if (z === before) return z;
  }
};

const tau = (start: number): number => {
  if (start === 0 || start === 1) return 0;
  let [x, y, z] = [start, 1, 1 - start];
  for (;;) {
    x = Math.sqrt(x);
    const before = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
    if (z === before) return z / 3;
  }
};

const writeSparse = (writer: ByteWriter, registers: Uint8Array, used: number): void => {
  writer.integer(FORMS.sparse);
  writer.integer(used);
  let before = 0;
  for (const [index, rank] of registers.entries()) {
    if (rank === 0) continue;
    writer.integer(index - before);
    writer.integer(rank);
    before = index;
  }
};

const readSparse = (reader: ByteReader, registers: Uint8Array): void => {
  const used = reader.integer();
  let index = 0;
  for (let read = 0; read < used; read += 1) {
    index += reader.integer();
    registers[index] = reader.integer();
  }
};

/** Four registers in three bytes. */
const writeDense = (writer: ByteWriter, registers: Uint8Array): void => {
  writer.integer(FORMS.dense);
  const packed = new Uint8Array((REGISTERS * BITS_PER_REGISTER) / 8);
  for (let index = 0, at = 0; index < REGISTERS; index += 4, at += 3) {
    const [a = 0, b = 0, c = 0, d = 0] = registers.subarray(index, index + 4);
    packed[at] = (a << 2) | (b >> 4);
    packed[at + 1] = (b << 4) | (c >> 2);
    packed[at + 2] = (c << 6) | d;
  }
  writer.bytes(packed);
};

const readDense = (reader: ByteReader, registers: Uint8Array): void => {
  const packed = reader.bytes((REGISTERS * BITS_PER_REGISTER) / 8);
  for (let index = 0, at = 0; index < REGISTERS; index += 4, at += 3) {
    const [x = 0, y = 0, z = 0] = packed.subarray(at, at + 3);
    registers.set([x >> 2, ((x & 3) << 4) | (y >> 4), ((y & 15) << 2) | (z >> 6), z & 63], index);
  }
};
