/** Writes ONNX files (opset 18, IR 9) without a library: the few protobuf messages that small graphs need. */

/** Wire types of protobuf: varint, 64-bit, length-delimited, 32-bit. */
const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

/** TensorProto.DataType of onnx.proto3. */
const ELEMENT_TYPES = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
} as const;
const ATTRIBUTE_TYPES = { float: 1, int: 2, tensor: 4, graph: 5, ints: 7 } as const;
const IR_VERSION = 9;
const OPSET_VERSION = 18;

type OnnxElement = keyof typeof ELEMENT_TYPES;

/** A string is a named dimension that is free at run time. */
interface OnnxValue {
  readonly name: string;
  readonly element: OnnxElement;
  readonly shape: readonly (number | string)[];
}

/** Constants are of one of these. */
export interface OnnxTensor {
  readonly element: 'FP32' | 'INT64' | 'BOOL';
  readonly shape: readonly number[];
  readonly values: readonly number[] | Float32Array;
}

type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly tensor: OnnxTensor }
  | { readonly graph: OnnxGraph };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxGraph {
  readonly name: string;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly nodes: readonly OnnxNode[];
  readonly initializers?: Readonly<Record<string, OnnxTensor>>;
}

const varint = (value: number | bigint): Uint8Array => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
};

const key = (field: number, wireType: number): Uint8Array => varint((field << 3) | wireType);
const integer = (field: number, value: number | bigint): Uint8Array =>
  Buffer.concat([key(field, VARINT), varint(value)]);
const bytes = (field: number, value: Uint8Array): Uint8Array =>
  Buffer.concat([key(field, BYTES), varint(value.byteLength), value]);
const text = (field: number, value: string): Uint8Array => bytes(field, Buffer.from(value, 'utf8'));

const message = (field: number, parts: readonly Uint8Array[]): Uint8Array => bytes(field, Buffer.concat(parts));

const float = (field: number, value: number): Uint8Array => {
  const content = Buffer.alloc(4);
  content.writeFloatLE(value);
  return Buffer.concat([key(field, FIXED32), content]);
};

/** Little-endian, as `raw_data` wants it. */
const rawData = ({ element, values }: OnnxTensor): Uint8Array => {
  const width = { FP32: 4, INT64: 8, BOOL: 1 }[element];
  const content = Buffer.alloc(values.length * width);
  values.forEach((value, i) => {
    if (element === 'FP32') content.writeFloatLE(value, i * width);
    else if (element === 'INT64') content.writeBigInt64LE(BigInt(value), i * width);
    else content.writeUInt8(value, i);
  });
  return content;
};

/** TensorProto: dims 1, data_type 2, name 8, raw_data 9. */
const tensorParts = (tensor: OnnxTensor, name: string): Uint8Array[] => [
  ...tensor.shape.map((size) => integer(1, size)),
  integer(2, ELEMENT_TYPES[tensor.element]),
  text(8, name),
  bytes(9, rawData(tensor)),
];

/** AttributeProto: name 1, f 2, i 3, t 5, g 6, ints 8, type 20. */
const attributeParts = (name: string, attribute: OnnxAttribute): Uint8Array[] => {
  const [kind] = Object.keys(attribute) as (keyof typeof ATTRIBUTE_TYPES)[];
  const type = integer(20, ATTRIBUTE_TYPES[kind ?? 'int']);
  if ('int' in attribute) return [text(1, name), integer(3, attribute.int), type];
  if ('float' in attribute) return [text(1, name), float(2, attribute.float), type];
  if ('ints' in attribute) return [text(1, name), ...attribute.ints.map((value) => integer(8, value)), type];
  if ('tensor' in attribute) return [text(1, name), message(5, tensorParts(attribute.tensor, '')), type];
  return [text(1, name), message(6, graphParts(attribute.graph)), type];
};

/** NodeProto: input 1, output 2, op_type 4, attribute 5. */
const nodeParts = ({ op, inputs, outputs, attributes = {} }: OnnxNode): Uint8Array[] => [
  ...inputs.map((name) => text(1, name)),
  ...outputs.map((name) => text(2, name)),
  text(4, op),
  ...Object.entries(attributes).map(([name, attribute]) => message(5, attributeParts(name, attribute))),
];

/** ValueInfoProto: name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1 | dim_param 2 } } } }. */
const valueParts = ({ name, element, shape }: OnnxValue): Uint8Array[] => {
  const sizes = shape.map((size) => message(1, [typeof size === 'number' ? integer(1, size) : text(2, size)]));
  return [text(1, name), message(2, [message(1, [integer(1, ELEMENT_TYPES[element]), message(2, sizes)])])];
};

/** GraphProto: node 1, name 2, initializer 5, input 11, output 12. */
const graphParts = ({ name, inputs, outputs, nodes, initializers = {} }: OnnxGraph): Uint8Array[] => [
  ...nodes.map((node) => message(1, nodeParts(node))),
  text(2, name),
  ...Object.entries(initializers).map(([tensorName, tensor]) => message(5, tensorParts(tensor, tensorName))),
  ...inputs.map((value) => message(11, valueParts(value))),
  ...outputs.map((value) => message(12, valueParts(value))),
];

/** The same graph gives the same bytes. ModelProto: ir_version 1, producer_name 2, graph 7, opset_import 8 { version 2 }. */
export const writeOnnx = (graph: OnnxGraph): Uint8Array =>
  Buffer.concat([
    integer(1, IR_VERSION),
    text(2, 'shoal'),
    message(7, graphParts(graph)),
    message(8, [integer(2, OPSET_VERSION)]),
  ]);
