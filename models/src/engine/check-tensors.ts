/** Checks of inputs and outputs against a signature: runtimes miss half of these and give no codes for the rest. */
import { elementCount, holdsDatatype, type Tensor, type Tensors, type TensorSpec } from '@shoal/protocol/wire';
import type { BundleManifest } from '../bundle/manifest.ts';
import { ModelError, type ModelErrorCode } from '../errors.ts';

type Signature = BundleManifest['signature'];

const fits = (shape: readonly number[], spec: TensorSpec): boolean =>
  shape.length === spec.shape.length &&
  shape.every(
    (size, axis) => Number.isSafeInteger(size) && size >= 0 && (spec.shape[axis] === -1 || spec.shape[axis] === size),
  );

/** FP16 is a bit pattern: all exponent bits set means infinity or NaN (IEEE 754-2019 3.4). */
const HALF_NOT_FINITE = 0x7c00;

/** Plain loops: a callback for each of a million elements would hold the event loop. */
const firstNotFinite = ({ datatype, data }: Tensor): number => {
  if (data instanceof Float32Array || data instanceof Float64Array) {
    for (let index = 0; index < data.length; index += 1) if (!Number.isFinite(data[index])) return index;
  } else if (datatype === 'FP16' && data instanceof Uint16Array) {
    for (let index = 0; index < data.length; index += 1)
      if (((data[index] as number) & HALF_NOT_FINITE) === HALF_NOT_FINITE) return index;
  }
  return -1;
};

interface TensorFault {
  readonly fault: 'datatype' | 'shape' | 'not-finite';
  readonly message: string;
}

const tensorFault = (tensor: Tensor, spec: TensorSpec, nonFinite: 'refuse' | 'allow'): TensorFault | null => {
  const { name } = spec;
  if (tensor.datatype !== spec.datatype || !holdsDatatype(tensor.datatype, tensor.data))
    return { fault: 'datatype', message: `${name} is ${tensor.datatype}, the model wants ${spec.datatype}` };
  if (!fits(tensor.shape, spec))
    return {
      fault: 'shape',
      message: `${name} has shape [${tensor.shape.join()}], the model wants [${spec.shape.join()}]`,
    };
  if (elementCount(tensor.shape) !== tensor.data.length)
    return { fault: 'shape', message: `${name} has ${tensor.data.length} elements for shape [${tensor.shape.join()}]` };
  const bad = nonFinite === 'refuse' ? firstNotFinite(tensor) : -1;
  return bad < 0 ? null : { fault: 'not-finite', message: `${name}[${bad}] is not finite` };
};

/** Bytes the data takes. */
const tensorBytes = ({ data }: Tensor): number =>
  data instanceof Array ? data.reduce((total, item) => total + item.byteLength, 0) : data.byteLength;

const INPUT_CODES: Readonly<Record<TensorFault['fault'], ModelErrorCode>> = {
  datatype: 'INPUT_DATATYPE_INVALID',
  shape: 'INPUT_SHAPE_INVALID',
  'not-finite': 'INPUT_NOT_FINITE',
};

/** Bytes the data of all tensors takes. */
export const tensorsBytes = (tensors: Tensors): number =>
  Object.values(tensors).reduce((total, tensor) => total + tensorBytes(tensor), 0);

const checkInputBytes = (inputs: Tensors, maxBytes: number): void => {
  const bytes = tensorsBytes(inputs);
  if (bytes > maxBytes) throw new ModelError('INPUT_TOO_LARGE', `The inputs have ${bytes} bytes, at most ${maxBytes}`);
};

/** Throws INPUT_MISSING, INPUT_UNKNOWN, INPUT_DATATYPE_INVALID, INPUT_SHAPE_INVALID, INPUT_NOT_FINITE, INPUT_TOO_LARGE. */
export const checkInputs = (inputs: Tensors, signature: Signature, maxBytes: number): void => {
  const unknown = Object.keys(inputs).find((name) => signature.inputs.every((spec) => spec.name !== name));
  if (unknown !== undefined) throw new ModelError('INPUT_UNKNOWN', `The model has no input ${unknown}`);
  for (const spec of signature.inputs) {
    const tensor = Object.hasOwn(inputs, spec.name) ? inputs[spec.name] : undefined;
    if (tensor === undefined) throw new ModelError('INPUT_MISSING', `Input ${spec.name} is missing`);
    const fault = tensorFault(tensor, spec, signature.nonFiniteInputs);
    if (fault !== null) throw new ModelError(INPUT_CODES[fault.fault], `Input ${fault.message}`);
  }
  checkInputBytes(inputs, maxBytes);
};

/** Throws OUTPUT_MISMATCH, OUTPUT_NOT_FINITE. */
export const checkOutputs = (outputs: Tensors, signature: Signature): void => {
  for (const spec of signature.outputs) {
    const tensor = Object.hasOwn(outputs, spec.name) ? outputs[spec.name] : undefined;
    if (tensor === undefined) throw new ModelError('OUTPUT_MISMATCH', `The model gave no output ${spec.name}`);
    const fault = tensorFault(tensor, spec, signature.nonFiniteOutputs);
    if (fault?.fault === 'not-finite') throw new ModelError('OUTPUT_NOT_FINITE', `Output ${fault.message}`);
    if (fault !== null) throw new ModelError('OUTPUT_MISMATCH', `Output ${fault.message}`);
  }
};

const copyTensor = ({ datatype, shape, data }: Tensor): Tensor => ({
  datatype,
  shape: [...shape],
  data: data instanceof Array ? data.map((item) => item.slice()) : data.slice(),
});

/** Copies, so that the caller may go on writing into its buffers. */
export const copyTensors = (tensors: Tensors): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, copyTensor(tensor)]));
