/** Inference messages onto the wire: each tensor as JSON or as binary data behind it, as its encoding says. */
import { BOUNDS } from '../bounds.ts';
import { ProtocolError } from '../errors.ts';
import type { TensorData } from './tensor-data.ts';
import { checkTensor, type NamedTensor } from './tensors.ts';
import { binaryDataSize, writeBinaryData } from './v2-binary.ts';
import { tensorDataToJson } from './v2-json-encode.ts';
import {
  checkNames,
  type EncodedInference,
  type InferRequest,
  type InferResponse,
  type TensorEncoding,
} from './v2-messages.ts';

/** Asked once for each tensor, by name. */
export type EncodingOf = (name: string) => TensorEncoding;

/** JSON of an object with one more member, whose value is JSON already. */
const withMember = (object: object, key: string, json: string): string => {
  const text = JSON.stringify(object);
  return `${text.slice(0, -1)}${text === '{}' ? '' : ','}"${key}":${json}}`;
};

interface Written {
  readonly json: string;
  readonly binary: TensorData | null;
}

const writeTensor = (tensor: NamedTensor, encoding: TensorEncoding): Written => {
  checkTensor(tensor);
  const { name, shape, datatype, parameters, data } = tensor;
  if (!encoding.binary) {
    const json = tensorDataToJson(tensor, encoding.nonFinite);
    return { json: withMember({ name, shape, datatype, parameters }, 'data', json), binary: null };
  }
  const sized = { ...parameters, binary_data_size: binaryDataSize(data) };
  return { json: JSON.stringify({ name, shape, datatype, parameters: sized }), binary: data };
};

const checkSize = (bytes: number, most: number): void => {
  if (bytes > most)
    throw new ProtocolError('INFERENCE_TOO_LARGE', `An inference message of ${bytes} bytes is over ${most}.`);
};

const joined = (text: string, sections: readonly TensorData[]): EncodedInference => {
  const header = Buffer.from(text, 'utf8');
  checkSize(header.length, BOUNDS.inferenceJsonBytes);
  const sizes = sections.map(binaryDataSize);
  const total = sizes.reduce((sum, size) => sum + size, header.length);
  checkSize(total, BOUNDS.inferenceBytes);
  if (sections.length === 0) return { body: header };
  const body = new Uint8Array(total);
  body.set(header);
  let position = header.length;
  sections.forEach((section, index) => {
    writeBinaryData(section, body, position);
    position += sizes[index] as number;
  });
  return { body, headerLength: header.length };
};

const encode = (
  head: object,
  side: 'inputs' | 'outputs',
  tensors: readonly NamedTensor[],
  encodingOf: EncodingOf,
): EncodedInference => {
  checkNames(side, tensors);
  const written = tensors.map((tensor) => writeTensor(tensor, encodingOf(tensor.name)));
  const text = withMember(head, side, `[${written.map(({ json }) => json).join()}]`);
  return joined(
    text,
    written.flatMap(({ binary }) => (binary === null ? [] : [binary])),
  );
};

/**
 * A response whose outputs leave as `encodingOf` says: `outputEncoding` of the request.
 * @throws ProtocolError TENSOR_NOT_FINITE | TENSOR_BYTES_NOT_UTF8 | TENSOR_INVALID | TENSOR_NAME_DUPLICATE | INFERENCE_TOO_LARGE
 */
export const encodeInferResponse = ({ outputs, ...head }: InferResponse, encodingOf: EncodingOf): EncodedInference =>
  encode(head, 'outputs', outputs, encodingOf);

/**
 * A request, for the side that asks.
 * @throws ProtocolError as `encodeInferResponse`
 */
export const encodeInferRequest = ({ inputs, ...head }: InferRequest, encodingOf: EncodingOf): EncodedInference =>
  encode(head, 'inputs', inputs, encodingOf);
