/**
 * Scores of neighbouring entities as one blob: little to write for a million rows, and one indexed read finds any of them.
 * Column by column (four or eight bytes a row, little-endian), then the length of each id in a byte, then the ids.
 */
import type { ScoreColumn, ScoreRow } from '../../../ports/score-store.ts';

/** Ids are at most 128 ASCII characters, so that a length fits a byte. */
export interface ScoredRows {
  readonly entities: readonly string[];
  /** Parallel to the columns; each as long as `entities`. */
  readonly columns: readonly (Float32Array | Float64Array)[];
  /** `MARK_BYTES` a row: which vector it was scored from. Absent: nobody will ask. */
  readonly marks?: Uint8Array;
}

export interface EncodedBlock {
  readonly first: string;
  readonly rows: number;
  readonly data: Uint8Array;
  readonly marks: Uint8Array | null;
}

/** A block and the page it lies on are read as a whole: about 2 kB with one column. */
export const BLOCK_ROWS = 128;
/** Half of a SHA-256: no two vectors that were ever met have the same. */
export const MARK_BYTES = 16;

const WIDTH = { f32: 4, f64: 8 } as const;

/** All columns of `rows` rows. */
const columnBytes = (columns: readonly ScoreColumn[], rows: number): number =>
  columns.reduce((bytes, { type }) => bytes + WIDTH[type] * rows, 0);

const bytesOf = (numbers: Float32Array | Float64Array, from: number, to: number): Uint8Array => {
  const part = numbers.subarray(from, to);
  return new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
};

const encodeBlock = ({ entities, columns, marks }: ScoredRows, from: number, to: number): EncodedBlock => {
  const ids = entities.slice(from, to);
  const names = Buffer.from(ids.join(''), 'latin1');
  const parts = columns.map((column) => bytesOf(column, from, to));
  const size = parts.reduce((bytes, { length }) => bytes + length, ids.length + names.length);
  const data = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  for (const id of ids) data[at++] = id.length;
  data.set(names, at);
  const own = marks?.slice(from * MARK_BYTES, to * MARK_BYTES) ?? null;
  return { first: ids[0] ?? '', rows: ids.length, data, marks: own };
};

/** `entities` ascend. */
export const encodeBlocks = (scored: ScoredRows): EncodedBlock[] => {
  const blocks: EncodedBlock[] = [];
  for (let from = 0; from < scored.entities.length; from += BLOCK_ROWS) {
    blocks.push(encodeBlock(scored, from, Math.min(from + BLOCK_ROWS, scored.entities.length)));
  }
  return blocks;
};

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

const rowAt = (data: Buffer, rows: number, index: number, columns: readonly ScoreColumn[]): ScoreRow => {
  let start = 0;
  return columns.map(({ type }) => {
    const at = start + index * WIDTH[type];
    start += WIDTH[type] * rows;
    return finite(type === 'f32' ? data.readFloatLE(at) : data.readDoubleLE(at));
  });
};

/** Undefined: the entity is not among them. */
export const findInBlock = (
  data: Buffer,
  rows: number,
  columns: readonly ScoreColumn[],
  entity: string,
): ScoreRow | undefined => {
  const lengths = columnBytes(columns, rows);
  let at = lengths + rows;
  for (let index = 0; index < rows; index += 1) {
    const length = data[lengths + index] ?? 0;
    if (length === entity.length && data.toString('latin1', at, at + length) === entity)
      return rowAt(data, rows, index, columns);
    at += length;
  }
  return undefined;
};

/** The reverse of `encodeBlocks` for one of them. */
export const decodeBlock = (data: Buffer, rows: number, columns: readonly ScoreColumn[]): ScoredRows => {
  let start = 0;
  const numbers = columns.map(({ type }) => {
    const copy = data.buffer.slice(
      data.byteOffset + start,
      data.byteOffset + start + WIDTH[type] * rows,
    ) as ArrayBuffer;
    start += WIDTH[type] * rows;
    return type === 'f32' ? new Float32Array(copy) : new Float64Array(copy);
  });
  const entities: string[] = [];
  let at = start + rows;
  for (let index = 0; index < rows; index += 1) {
    const length = data[start + index] ?? 0;
    entities.push(data.toString('latin1', at, at + length));
    at += length;
  }
  return { entities, columns: numbers };
};
