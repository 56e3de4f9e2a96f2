/** Writes and reads Open Inference Protocol messages with nothing of the product: a fault in its codecs cannot hide behind its twin. */
import {
  float16ToNumber,
  type Datatype,
  type NamedTensor,
  type Tensor,
  type TensorData,
  type Tensors,
} from '@shoal/protocol';

/** ECMAScript 2026: text that leaves `JSON.stringify` as it is, and the text of a number that comes. */
const { rawJSON, parse } = JSON as unknown as {
  readonly rawJSON: (text: string) => unknown;
  readonly parse: (
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ) => unknown;
};

const floatJson = (value: number): unknown => {
  if (!Number.isFinite(value)) return String(value);
  return Object.is(value, -0) ? rawJSON('-0') : value;
};

const jsonElements = ({ datatype, data }: Tensor): unknown[] =>
  Array.from<number | bigint | Uint8Array, unknown>(data, (value) => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
    if (typeof value === 'bigint') return rawJSON(value.toString());
    if (datatype === 'BOOL') return value === 1;
    return datatype === 'FP16' ? floatJson(float16ToNumber(value)) : floatJson(value);
  });

export const jsonRequest = (inputs: readonly NamedTensor[]): string =>
  JSON.stringify({
    id: 'case',
    parameters: { non_finite: 'string' },
    inputs: inputs.map((tensor) => ({
      name: tensor.name,
      datatype: tensor.datatype,
      shape: tensor.shape,
      data: jsonElements(tensor),
    })),
  });

interface WireOutput {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: number[];
  readonly data?: readonly unknown[];
  readonly parameters?: { readonly binary_data_size?: number };
}

/** Every half by its number: the inverse of what the server writes, without its rounding. */
const HALVES: ReadonlyMap<number, number> = new Map(
  Array.from({ length: 65_536 }, (_, bits) => [float16ToNumber(bits), bits] as const).filter(
    ([, bits]) => bits !== 0x8000,
  ),
);
const halfBits = (value: number): number => {
  if (Object.is(value, -0)) return 0x8000;
  return HALVES.get(value) ?? Number.NaN;
};

const numbers = (data: readonly unknown[]): number[] => data.map(Number);
const integers = (data: readonly unknown[]): bigint[] => data.map((value) => BigInt(value as bigint));

const FROM_JSON: Readonly<Record<Datatype, (data: readonly unknown[]) => TensorData>> = {
  BOOL: (data) => Uint8Array.from(data, (value) => (value === true ? 1 : value === false ? 0 : 255)),
  UINT8: (data) => Uint8Array.from(numbers(data)),
  UINT16: (data) => Uint16Array.from(numbers(data)),
  UINT32: (data) => Uint32Array.from(numbers(data)),
  UINT64: (data) => BigUint64Array.from(integers(data)),
  INT8: (data) => Int8Array.from(numbers(data)),
  INT16: (data) => Int16Array.from(numbers(data)),
  INT32: (data) => Int32Array.from(numbers(data)),
  INT64: (data) => BigInt64Array.from(integers(data)),
  FP16: (data) => Uint16Array.from(numbers(data), halfBits),
  FP32: (data) => Float32Array.from(numbers(data)),
  FP64: (data) => Float64Array.from(numbers(data)),
  BYTES: (data) => data.map((value) => new Uint8Array(Buffer.from(String(value), 'utf8'))),
};

const readOutputs = (text: string): readonly WireOutput[] => {
  const exact = (_: string, value: unknown, { source = '' }: { readonly source?: string }): unknown =>
    typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
      ? BigInt(source)
      : value;
  return (parse(text, exact) as { readonly outputs: readonly WireOutput[] }).outputs;
};

export const fromJson = (text: string): Tensors =>
  Object.fromEntries(
    readOutputs(text).map(({ name, datatype, shape, data = [] }) => [
      name,
      { datatype, shape, data: FROM_JSON[datatype](data) },
    ]),
  );

/** Little-endian elements; BYTES with a length before each. */
export const bytesOf = ({ data }: Tensor): Buffer => {
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat(
    data.flatMap((element) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(element.length);
      return [length, Buffer.from(element)];
    }),
  );
};

export const binaryRequest = (
  inputs: readonly NamedTensor[],
): { readonly body: Buffer; readonly headerLength: number } => {
  const sections = inputs.map(bytesOf);
  const header = Buffer.from(
    JSON.stringify({
      id: 'case',
      parameters: { binary_data_output: true },
      inputs: inputs.map(({ name, datatype, shape }, index) => ({
        name,
        datatype,
        shape,
        parameters: { binary_data_size: sections[index]?.length ?? 0 },
      })),
    }),
  );
  return { body: Buffer.concat([header, ...sections]), headerLength: header.length };
};

const stringsIn = (bytes: Buffer): Uint8Array[] => {
  const elements: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32LE(at);
    elements.push(new Uint8Array(bytes.subarray(at + 4, end)));
    at = end;
  }
  return elements;
};

const FROM_BYTES: Readonly<Record<Exclude<Datatype, 'BYTES'>, new (buffer: ArrayBuffer) => TensorData>> = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
};

export const fromSection = (datatype: Datatype, section: Buffer): TensorData =>
  datatype === 'BYTES' ? stringsIn(section) : new FROM_BYTES[datatype](new Uint8Array(section).buffer);

export const fromBinary = (body: Buffer, headerLength: number): Tensors => {
  let at = headerLength;
  const outputs = readOutputs(body.subarray(0, headerLength).toString('utf8'));
  const tensors = outputs.map(({ name, datatype, shape, parameters }) => {
    const section = body.subarray(at, (at += parameters?.binary_data_size ?? 0));
    return [name, { datatype, shape, data: fromSection(datatype, section) }] as const;
  });
  return Object.fromEntries(tensors);
};
