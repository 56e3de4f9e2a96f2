/** Takes fields of the expected kind out of a file, and counts what it makes of them. */
import { ModelError } from '../errors.ts';
import { BYTES, FIXED32, FIXED64, VARINT, fieldsOf, malformed, readIntegers, type Field } from './protobuf-walk.ts';

/** Messages and names together: more than the largest graphs in use have, and little memory. */
const MAX_PARTS = 1_000_000;
const MAX_TEXT_BYTES = 65_536;

const wrongType = (field: Field): ModelError =>
  malformed(`field ${field.number} before byte ${field.end} has wire type ${field.wireType}`);

export class PartsReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #decoder = new TextDecoder();
  #parts = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  whole(): Iterable<Field> {
    return fieldsOf(this.#bytes, 0, this.#bytes.length);
  }

  fields(message: Field): Iterable<Field> {
    return fieldsOf(this.#bytes, message.start, message.end);
  }

  /** The field as a message. Throws MODEL_MALFORMED for another wire type, MODEL_GATE_REFUSED for too many parts. */
  message(field: Field): Field {
    if (field.wireType !== BYTES) throw wrongType(field);
    this.#count();
    return field;
  }

  /** Throws for a message that is given twice where the format has one: parsers disagree on what that means. */
  singles(owner: string): (number: number) => void {
    const seen = new Set<number>();
    return (number) => {
      if (seen.has(number)) throw malformed(`${owner} has field ${number} twice`);
      seen.add(number);
    };
  }

  text(field: Field): string {
    if (field.wireType !== BYTES) throw wrongType(field);
    this.#count();
    if (field.end - field.start > MAX_TEXT_BYTES)
      throw new ModelError('MODEL_GATE_REFUSED', `A name of ${field.end - field.start} bytes; shorten the names.`);
    return this.#decoder.decode(this.#bytes.subarray(field.start, field.end));
  }

  /** The standard domain has two names. */
  domain(field: Field): string {
    const name = this.text(field);
    return name === 'ai.onnx' ? '' : name;
  }

  integer(field: Field): number {
    if (field.wireType !== VARINT) throw wrongType(field);
    return field.value;
  }

  float(field: Field): number {
    if (field.wireType !== FIXED32) throw wrongType(field);
    return this.#view.getFloat32(field.start, true);
  }

  integers(field: Field, into: number[], max: number): void {
    if (field.wireType !== VARINT && field.wireType !== BYTES) throw wrongType(field);
    readIntegers(this.#bytes, field, into, max);
  }

  /** 32-bit ones, packed or not. */
  floats(field: Field, into: number[], max: number): void {
    if (field.wireType !== FIXED32 && field.wireType !== BYTES) throw wrongType(field);
    for (let at = field.start; at + 4 <= field.end && into.length < max; at += 4)
      into.push(this.#view.getFloat32(at, true));
  }

  /** 64-bit ones, packed or not. */
  doubles(field: Field, into: number[], max: number): void {
    if (field.wireType !== FIXED64 && field.wireType !== BYTES) throw wrongType(field);
    for (let at = field.start; at + 8 <= field.end && into.length < max; at += 8)
      into.push(this.#view.getFloat64(at, true));
  }

  /** Little-endian content of `raw_data`. */
  view(field: Field): DataView {
    if (field.wireType !== BYTES) throw wrongType(field);
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + field.start, field.end - field.start);
  }

  #count(): void {
    this.#parts += 1;
    if (this.#parts > MAX_PARTS)
      throw new ModelError('MODEL_GATE_REFUSED', `The model has more than ${MAX_PARTS} parts; simplify the graph.`);
  }
}
