/** Raw inference requests: `Inference-Header-Content-Length: 0`, and a body that is nothing but the one input. */
import { BOUNDS } from '../bounds.ts';
import { ProtocolError } from '../errors.ts';
import { elementBytes, isFixed } from './tensor-data.ts';
import { elementCount, type NamedTensor, type TensorSpec } from './tensors.ts';
import { readBinaryData } from './v2-binary.ts';
import type { InferRequest } from './v2-messages.ts';

const shapeFault = (spec: TensorSpec, why: string): ProtocolError =>
  new ProtocolError(
    'TENSOR_SHAPE_INVALID',
    `The shape of raw input "${spec.name}" [${spec.shape.join()}] cannot be told: ${why}. Send it with JSON.`,
  );

/** The one free dimension takes what the others leave; a body that is no multiple of them fits no shape. */
const deducedShape = (spec: TensorSpec, elements: number): readonly number[] => {
  const free = spec.shape.filter((size) => size === -1).length;
  if (free > 1) throw shapeFault(spec, 'more than one dimension is free');
  const others = elementCount(spec.shape.filter((size) => size !== -1));
  const size = others === 0 ? 0 : elements / others;
  if (free === 1 && !Number.isInteger(size)) throw shapeFault(spec, `${elements} elements do not divide`);
  return spec.shape.map((dimension) => (dimension === -1 ? size : dimension));
};

const rawTensor = (spec: TensorSpec, body: Uint8Array): NamedTensor => {
  const { name, datatype } = spec;
  if (!isFixed(datatype)) {
    const shape = deducedShape(spec, 1);
    if (elementCount(shape) !== 1) throw shapeFault(spec, 'a raw BYTES input is one element');
    return { name, datatype, shape, data: [new Uint8Array(body.buffer, body.byteOffset, body.length)] };
  }
  const shape = deducedShape(spec, body.length / elementBytes(datatype));
  return { name, datatype, shape, data: readBinaryData({ name, datatype, shape }, body) };
};

/**
 * A request made of the bytes of the only input a model has; the whole body is the element when that is BYTES. All
 * outputs leave as binary data, for there is no JSON in which to ask. The tensor may share memory with `body`.
 * @throws ProtocolError TENSOR_DATA_MISSING (a model with other than one input) | TENSOR_SHAPE_INVALID | TENSOR_SIZE_MISMATCH | TENSOR_VALUE_INVALID | INFERENCE_TOO_LARGE
 */
export const decodeRawInferRequest = (body: Uint8Array, inputs: readonly TensorSpec[]): InferRequest => {
  const [spec, ...others] = inputs;
  if (spec === undefined || others.length > 0)
    throw new ProtocolError(
      'TENSOR_DATA_MISSING',
      `A raw request has one input, the model has ${inputs.length}; send them with JSON.`,
    );
  if (body.length > BOUNDS.inferenceBytes)
    throw new ProtocolError('INFERENCE_TOO_LARGE', `A raw request of ${body.length} bytes is over the bound.`);
  return { parameters: { binary_data_output: true }, inputs: [rawTensor(spec, body)] };
};
