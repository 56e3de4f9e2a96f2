/** What the property tests of inference messages draw from: tensors of every datatype and shape. */
import fc from 'fast-check';
import { DATATYPES, elementCount, type Datatype, type NamedTensor, type TensorData } from '../../src/index.ts';

/** Rank 0 to 4, zeros among the dimensions, few enough elements to be quick. */
const shape = fc.array(fc.nat({ max: 4 }), { maxLength: 4 });

const bits = (length: number, bytes: number): fc.Arbitrary<ArrayBuffer> =>
  fc.uint8Array({ minLength: length * bytes, maxLength: length * bytes }).map((drawn) => Uint8Array.from(drawn).buffer);

/** Any bit pattern: for floats that is NaN of every payload, infinities, subnormals and -0. */
const patterns: Readonly<Record<Datatype, (length: number) => fc.Arbitrary<TensorData>>> = {
  BOOL: (length) =>
    fc.array(fc.boolean(), { minLength: length, maxLength: length }).map((all) => Uint8Array.from(all, Number)),
  UINT8: (length) => bits(length, 1).map((buffer) => new Uint8Array(buffer)),
  UINT16: (length) => bits(length, 2).map((buffer) => new Uint16Array(buffer)),
  UINT32: (length) => bits(length, 4).map((buffer) => new Uint32Array(buffer)),
  UINT64: (length) => bits(length, 8).map((buffer) => new BigUint64Array(buffer)),
  INT8: (length) => bits(length, 1).map((buffer) => new Int8Array(buffer)),
  INT16: (length) => bits(length, 2).map((buffer) => new Int16Array(buffer)),
  INT32: (length) => bits(length, 4).map((buffer) => new Int32Array(buffer)),
  INT64: (length) => bits(length, 8).map((buffer) => new BigInt64Array(buffer)),
  FP16: (length) => bits(length, 2).map((buffer) => new Uint16Array(buffer)),
  FP32: (length) => bits(length, 4).map((buffer) => new Float32Array(buffer)),
  FP64: (length) => bits(length, 8).map((buffer) => new Float64Array(buffer)),
  BYTES: (length) => fc.array(fc.uint8Array({ maxLength: 9 }), { minLength: length, maxLength: length }),
};

/** Strings of JSON are text: of BYTES only that can leave as JSON. */
const texts = (length: number): fc.Arbitrary<TensorData> =>
  fc
    .array(fc.string({ unit: 'grapheme', maxLength: 9 }), { minLength: length, maxLength: length })
    .map((all) => all.map((text) => new TextEncoder().encode(text)));

const dataOf = (datatype: Datatype, length: number, isText: boolean): fc.Arbitrary<TensorData> =>
  datatype === 'BYTES' && isText ? texts(length) : patterns[datatype](length);

const tensor = (isText: boolean): fc.Arbitrary<Omit<NamedTensor, 'name'>> =>
  fc
    .tuple(fc.constantFrom(...DATATYPES), shape)
    .chain(([datatype, drawn]) =>
      dataOf(datatype, elementCount(drawn), isText).map((data) => ({ datatype, shape: drawn, data })),
    );

/** Names are distinct; `__proto__` is one like any other. */
const name = fc.oneof(
  fc.constantFrom('__proto__', 'x', 'constructor', '"quoted"'),
  fc.string({ minLength: 1, maxLength: 8 }),
);
const parameters = fc.dictionary(
  fc.constantFrom('content_type', 'headers', 'k'),
  fc.oneof(fc.string(), fc.integer(), fc.boolean()),
  { minKeys: 1, maxKeys: 2 },
);

/** Up to five tensors; with `isText` those that JSON can carry. */
export const tensors = (isText: boolean): fc.Arbitrary<NamedTensor[]> =>
  fc
    .uniqueArray(fc.tuple(name, tensor(isText), fc.option(parameters)), { maxLength: 5, selector: ([drawn]) => drawn })
    .map((all) =>
      all.map(([drawn, body, extra]) => ({ name: drawn, ...body, ...(extra && { parameters: { ...extra } }) })),
    );

const isNaNPattern = (datatype: Datatype, element: unknown): boolean =>
  datatype === 'FP16' ? (Number(element) & 0x7fff) > 0x7c00 : Number.isNaN(element);

/** Elements as text that tells -0 from 0 and makes all NaN one. */
export const elementsOf = ({ datatype, data }: NamedTensor): string[] =>
  Array.from<unknown, string>(data, (element) => {
    if (element instanceof Uint8Array) return Buffer.from(element).toString('hex');
    if (typeof element === 'number' && isNaNPattern(datatype, element)) return 'NaN';
    return Object.is(element, -0) ? '-0' : String(element);
  });

/** Comparable by `toEqual`: everything of a tensor, its data by element. */
export const described = (all: readonly NamedTensor[]): unknown =>
  all.map((one) => ({ ...one, data: [one.data.constructor.name, ...elementsOf(one)] }));
