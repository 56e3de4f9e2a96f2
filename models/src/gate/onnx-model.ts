/** What an ONNX file declares, as far as a decision needs it: names, types, sizes and small integers, never weights. */

/** `elements` are kept for small integer and float tensors only. */
export interface OnnxTensorFacts {
  readonly name: string;
  readonly dataType: number;
  readonly shape: readonly number[];
  /** Bytes of content in the file. */
  readonly heldBytes: number;
  /** Whether the content lies in `raw_data`, whose width is fixed. */
  readonly isRaw: boolean;
  readonly isExternal: boolean;
  /** In order, when there are few; null for many or for what are no numbers. */
  readonly elements: readonly number[] | null;
}

/** Dense shape and the tensors that hold what is not zero. */
export interface OnnxSparseTensorFacts {
  readonly shape: readonly number[];
  readonly values: OnnxTensorFacts | null;
  readonly indices: OnnxTensorFacts | null;
}

export interface OnnxAttributeFacts {
  readonly name: string;
  readonly float: number | null;
  readonly integer: number | null;
  /** The first ones. */
  readonly integers: readonly number[];
  readonly floats: readonly number[];
  readonly tensors: readonly OnnxTensorFacts[];
  readonly sparseTensors: readonly OnnxSparseTensorFacts[];
  readonly graphs: readonly OnnxGraphFacts[];
}

export interface OnnxNodeFacts {
  readonly name: string;
  readonly operator: string;
  /** `ai.onnx` is written as the empty string. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttributeFacts[];
}

/** `kind` null and `shape` null: the file does not say. A free dimension is -1. */
export interface OnnxValueFacts {
  readonly name: string;
  readonly kind: 'tensor' | 'other' | null;
  readonly dataType: number;
  readonly shape: readonly number[] | null;
}

export interface OnnxGraphFacts {
  readonly name: string;
  readonly nodes: readonly OnnxNodeFacts[];
  readonly initializers: readonly OnnxTensorFacts[];
  readonly sparseInitializers: readonly OnnxSparseTensorFacts[];
  readonly inputs: readonly OnnxValueFacts[];
  readonly outputs: readonly OnnxValueFacts[];
}

/** A function of the file's own. */
export interface OnnxFunctionFacts {
  readonly name: string;
  readonly domain: string;
  readonly nodes: readonly OnnxNodeFacts[];
}

export interface OnnxModelFacts {
  readonly irVersion: number;
  readonly producer: string;
  /** By domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly graph: OnnxGraphFacts;
  readonly functions: readonly OnnxFunctionFacts[];
  readonly hasTraining: boolean;
}

/** TensorProto.DataType of onnx.proto3 by number: its name, and the bits of an element where they are fixed. */
const ELEMENTS: Readonly<Record<number, readonly [name: string, bits: number]>> = {
  1: ['FLOAT', 32],
  2: ['UINT8', 8],
  3: ['INT8', 8],
  4: ['UINT16', 16],
  5: ['INT16', 16],
  6: ['INT32', 32],
  7: ['INT64', 64],
  8: ['STRING', 0],
  9: ['BOOL', 8],
  10: ['FLOAT16', 16],
  11: ['DOUBLE', 64],
  12: ['UINT32', 32],
  13: ['UINT64', 64],
  14: ['COMPLEX64', 64],
  15: ['COMPLEX128', 128],
  16: ['BFLOAT16', 16],
  17: ['FLOAT8E4M3FN', 8],
  18: ['FLOAT8E4M3FNUZ', 8],
  19: ['FLOAT8E5M2', 8],
  20: ['FLOAT8E5M2FNUZ', 8],
  21: ['UINT4', 4],
  22: ['INT4', 4],
  23: ['FLOAT4E2M1', 4],
  24: ['FLOAT8E8M0', 8],
  25: ['UINT2', 2],
  26: ['INT2', 2],
};

export const elementName = (dataType: number): string => ELEMENTS[dataType]?.[0] ?? `type ${dataType}`;

/** Bits of one element; 0 for strings, null for a type nobody knows. */
export const elementBits = (dataType: number): number | null => ELEMENTS[dataType]?.[1] ?? null;

/** Product of the sizes; infinite for a negative one, which no tensor has. */
export const elementsOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => (size < 0 ? Infinity : product * size), 1);

/** A string counts as the smallest object a runtime makes for it. */
const STRING_BITS = 256;

export const bytesOf = (elements: number, dataType: number): number =>
  elements === 0 ? 0 : Math.ceil((elements * (elementBits(dataType) || STRING_BITS)) / 8);
