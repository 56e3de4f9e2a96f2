/** Between protocol tensors and those of TensorFlow.js. */
import type { Tensor as TfTensor } from '@tensorflow/tfjs';
import type { Datatype, Tensor, TensorData } from '@shoal/protocol/wire';
import type { TensorFlow } from './open-tensorflow.ts';

const TYPES = { FP32: 'float32', INT32: 'int32', BOOL: 'bool', BYTES: 'string' } as const;
type TfjsDatatype = keyof typeof TYPES;

const isTfjsDatatype = (datatype: Datatype): datatype is TfjsDatatype => Object.hasOwn(TYPES, datatype);

/** Throws TypeError for complex64, which has no datatype on the wire. */
export const datatypeOf = (dtype: string): TfjsDatatype => {
  const datatype = (Object.keys(TYPES) as TfjsDatatype[]).find((name) => TYPES[name] === dtype);
  if (datatype === undefined)
    throw new TypeError(`The model has a tensor of ${dtype}, which has no datatype on the wire`);
  return datatype;
};

/** Belongs to the tidy scope it is made in. */
export const toTfjs = (tf: TensorFlow, { datatype, shape, data }: Tensor): TfTensor => {
  if (!isTfjsDatatype(datatype)) throw new TypeError(`TensorFlow.js has no ${datatype}`);
  return tf.tensor(data as Float32Array, [...shape], TYPES[datatype]);
};

/** Copies; strings stay the bytes they are. */
export const fromTfjs = (tf: TensorFlow, tensor: TfTensor): Tensor => {
  const datatype = datatypeOf(tensor.dtype);
  const data = (datatype === 'BYTES' ? tf.engine().readSync(tensor.dataId) : tensor.dataSync()) as TensorData;
  const own = data instanceof Array ? data.map((item) => Uint8Array.from(item)) : data.slice();
  return { datatype, shape: [...tensor.shape], data: own };
};
