/**
 * How a message lies on the socket of an engine process. A frame is its length and that of its head (u32, little-endian each), the
 * head in JSON, and behind it the data of the tensors as they lie in memory, each at a multiple of 16 bytes: what comes in
 * is used in place. Little-endian as the two ends are, which are one machine.
 */
import type { Tensors } from '@shoal/protocol/wire';
import { fixedDataOver, isFixed, isFixedData, type Datatype, type TensorData } from '@shoal/protocol/tensor-data';
import type { ChildCall, ChildMessage, ChildRequest } from './framing.ts';

export const PREFIX_BYTES = 8;
/** Widest element, and where vector instructions like data to begin. */
const ALIGNMENT = 16;
/** No message is larger, whoever sends it. */
const MAX_FRAME_BYTES = 2 ** 30;
/** For all of an answer that is no data: what tensors are called, what a model declares, why a run failed. */
const CONTROL_BYTES = 2 ** 20;

/** What the head says of a tensor: `sizes` are the bytes of its data, of each element for BYTES. */
interface TensorHead {
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly sizes: number | readonly number[];
}

const padded = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

const sizesOf = (data: TensorData): TensorHead['sizes'] =>
  isFixedData(data) ? data.byteLength : data.map(({ byteLength }) => byteLength);

const total = (sizes: TensorHead['sizes']): number =>
  typeof sizes === 'number' ? sizes : sizes.reduce((sum, size) => sum + size, 0);

const bytesOf = (data: Exclude<TensorData, readonly Uint8Array[]>): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Those of the message that travel as bytes; its other fields are JSON. */
const tensorsOf = (message: ChildRequest | ChildMessage): Tensors =>
  message.type === 'infer' ? message.inputs : message.type === 'inferred' ? message.outputs : {};

const headOf = (message: ChildRequest | ChildMessage, tensors: Tensors): string => {
  const heads: [string, TensorHead][] = [];
  for (const name of Object.keys(tensors)) {
    const { datatype, shape, data } = tensors[name] as Tensors[string];
    heads.push([name, { datatype, shape, sizes: sizesOf(data) }]);
  }
  if (message.type === 'infer') return JSON.stringify({ ...message, inputs: heads });
  return JSON.stringify(message.type === 'inferred' ? { ...message, outputs: heads } : message);
};

/** A copy of all that the message holds. */
export const encodeFrame = (message: ChildRequest | ChildMessage): Uint8Array => {
  const tensors = tensorsOf(message);
  const head = headOf(message, tensors);
  const headBytes = Buffer.byteLength(head);
  let size = padded(PREFIX_BYTES + headBytes);
  for (const { data } of Object.values(tensors)) size += padded(total(sizesOf(data)));
  const frame = Buffer.allocUnsafeSlow(size);
  frame.writeUInt32LE(size, 0);
  frame.writeUInt32LE(headBytes, 4);
  frame.write(head, PREFIX_BYTES);
  let at = padded(PREFIX_BYTES + headBytes);
  for (const { data } of Object.values(tensors)) {
    const begin = at;
    for (const part of isFixedData(data) ? [bytesOf(data)] : data) {
      frame.set(part, at);
      at += part.byteLength;
    }
    at = begin + padded(at - begin);
  }
  return frame;
};

const readFixed = (datatype: Datatype, section: Uint8Array): TensorData => {
  if (!isFixed(datatype)) throw new TypeError('BYTES come with the size of each element');
  const data = fixedDataOver(datatype, section.byteOffset % ALIGNMENT === 0 ? section : section.slice());
  if (data.byteLength !== section.byteLength) throw new RangeError('the data of a tensor ends within an element');
  return data;
};

const readElements = (section: Uint8Array, sizes: readonly number[]): Uint8Array[] => {
  let at = 0;
  return sizes.map((size) => section.subarray(at, (at += size)));
};

const isSize = (size: unknown): boolean => Number.isSafeInteger(size) && (size as number) >= 0;

/** @throws TypeError or RangeError for heads and data that do not fit each other */
const readTensors = (heads: unknown, frame: Uint8Array, begin: number): Tensors => {
  let at = begin;
  const tensors: [string, Tensors[string]][] = [];
  for (const [name, { datatype, shape, sizes }] of heads as [string, TensorHead][]) {
    if (!(typeof sizes === 'number' ? isSize(sizes) : sizes.every(isSize))) throw new TypeError('no size');
    const bytes = total(sizes);
    if (at + bytes > frame.byteLength) throw new RangeError('the data of a tensor is not there');
    const section = frame.subarray(at, at + bytes);
    const data = typeof sizes === 'number' ? readFixed(datatype, section) : readElements(section, sizes);
    tensors.push([name, { datatype, shape, data }]);
    at += padded(bytes);
  }
  return Object.fromEntries(tensors);
};

const FIELDS: Readonly<Record<string, 'inputs' | 'outputs'>> = { infer: 'inputs', inferred: 'outputs' };

/**
 * What a whole frame says; its tensors share the memory of the frame. Null when it says nothing. Whether it is a message is for
 * `parseChildMessage` to judge.
 */
export const decodeFrame = (frame: Buffer): unknown => {
  try {
    const headBytes = frame.readUInt32LE(4);
    if (PREFIX_BYTES + headBytes > frame.byteLength) return null;
    const message: unknown = JSON.parse(frame.toString('utf8', PREFIX_BYTES, PREFIX_BYTES + headBytes));
    const { type } = message as { type?: unknown };
    const field = typeof type === 'string' && Object.hasOwn(FIELDS, type) ? FIELDS[type] : undefined;
    if (field === undefined) return message;
    const heads = (message as Record<string, unknown>)[field];
    return { ...(message as object), [field]: readTensors(heads, frame, padded(PREFIX_BYTES + headBytes)) };
  } catch {
    return null;
  }
};

/** Bytes of the frame that begins with `prefix`; null when none of at most `mostBytes` does. */
export const frameBytes = (prefix: Buffer, mostBytes = MAX_FRAME_BYTES): number | null => {
  const size = prefix.readUInt32LE(0);
  return size >= PREFIX_BYTES && size <= mostBytes ? size : null;
};

/** Bytes that the answer to this may have: the process is not believed to send no more than it was allowed to. */
export const mostFrameBytes = (call: ChildCall): number =>
  CONTROL_BYTES + (call.type === 'infer' ? Math.min(call.maxAnswerBytes, MAX_FRAME_BYTES) : 0);

/** Puts frames together from what a socket delivers. */
export class FrameAssembler {
  /** Nothing larger is waited for. */
  mostBytes = CONTROL_BYTES;
  #chunks: Buffer[] = [];
  #held = 0;
  #wanted = PREFIX_BYTES;

  /** Whole frames, in order; null when what came is none. */
  add(chunk: Buffer): Buffer[] | null {
    this.#chunks.push(chunk);
    this.#held += chunk.byteLength;
    const frames: Buffer[] = [];
    while (this.#held >= this.#wanted) {
      const all = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
      const size = frameBytes(all, this.mostBytes);
      if (size === null) return null;
      const isWhole = all.byteLength >= size;
      if (isWhole) frames.push(all.subarray(0, size));
      const rest = isWhole ? all.subarray(size) : all;
      this.#chunks = rest.byteLength === 0 ? [] : [rest];
      this.#held = rest.byteLength;
      this.#wanted = isWhole ? PREFIX_BYTES : size;
    }
    return frames;
  }
}
