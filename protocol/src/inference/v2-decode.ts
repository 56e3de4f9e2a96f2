/** Inference messages off the wire: JSON, and the tensors that follow it as binary data. */
import type { z } from 'zod';
import { BOUNDS } from '../bounds.ts';
import { ProtocolError } from '../errors.ts';
import type { JsonObject } from '../twin.ts';
import type { NamedTensor } from './tensors.ts';
import { readBinaryData } from './v2-binary.ts';
import { tensorDataFromJson } from './v2-json-decode.ts';
import { checkInferenceJson, parseInferenceJson, type InferenceJson } from './v2-json-text.ts';
import { checkNames, INFERENCE_HEADER_LENGTH, type InferRequest, type InferResponse } from './v2-messages.ts';
import { inferRequestSchema, inferResponseSchema, type inferTensorSchema } from './v2-schemas.ts';

type WireTensor = z.infer<typeof inferTensorSchema>;

const checkBodySize = (body: Uint8Array): void => {
  if (body.length > BOUNDS.inferenceBytes)
    throw new ProtocolError(
      'INFERENCE_TOO_LARGE',
      `An inference message of ${body.length} bytes is over ${BOUNDS.inferenceBytes}; send fewer rows.`,
    );
};

/**
 * `Inference-Header-Content-Length` as a number; undefined when it was not sent, 0 for a raw request.
 * @throws ProtocolError BINARY_HEADER_OUT_OF_RANGE
 */
export const parseHeaderLength = (header: string | undefined): number | undefined => {
  if (header === undefined) return undefined;
  const length = /^\d{1,15}$/.test(header) ? Number(header) : -1;
  if (length >= 0) return length;
  throw new ProtocolError('BINARY_HEADER_OUT_OF_RANGE', `"${header.slice(0, 40)}" is no length of a JSON part.`);
};

const splitHeader = (body: Uint8Array, headerLength = body.length): readonly [Uint8Array, Uint8Array] => {
  checkBodySize(body);
  if (!Number.isInteger(headerLength) || headerLength < 0 || headerLength > body.length)
    throw new ProtocolError(
      'BINARY_HEADER_OUT_OF_RANGE',
      `A JSON part of ${headerLength} bytes does not fit a body of ${body.length}.`,
    );
  return [body.subarray(0, headerLength), body.subarray(headerLength)];
};

/** Consumed with the bytes it announces; an empty remainder is none. */
const withoutSize = (parameters: WireTensor['parameters']): JsonObject | undefined => {
  if (parameters?.binary_data_size === undefined) return parameters as JsonObject | undefined;
  const { binary_data_size: _, ...rest } = parameters;
  return Object.keys(rest).length === 0 ? undefined : rest;
};

/** Data of the tensor at `index` of `side` in a document parsed by digits. */
const dataAt = (document: unknown, side: 'inputs' | 'outputs', index: number): unknown =>
  (document as Record<typeof side, { readonly data: unknown }[]>)[side][index]?.data;

/** Hands out the binary part from front to back, a tensor at a time. */
const sectionsOf = (binary: Uint8Array) => {
  let position = 0;
  return {
    next: (name: string, size: number): Uint8Array => {
      const section = binary.subarray(position, position + size);
      if (section.length < size)
        throw new ProtocolError(
          'BINARY_TOO_SHORT',
          `Tensor "${name}" announces ${size} bytes, the body has ${section.length} left; was ${INFERENCE_HEADER_LENGTH} sent?`,
        );
      position += size;
      return section;
    },
    end: (): void => {
      if (position === binary.length) return;
      throw new ProtocolError('BINARY_TOO_LONG', `${binary.length - position} bytes follow the last binary tensor.`);
    },
  };
};

const decodeTensors = (
  side: 'inputs' | 'outputs',
  tensors: readonly WireTensor[],
  json: InferenceJson,
  binary: Uint8Array,
): NamedTensor[] => {
  checkNames(side, tensors);
  const sections = sectionsOf(binary);
  const decoded = tensors.map((tensor, index): NamedTensor => {
    const { name, datatype, shape } = tensor;
    const size = tensor.parameters?.binary_data_size;
    if ((size === undefined) === (tensor.data === undefined))
      throw new ProtocolError(
        'TENSOR_DATA_MISSING',
        `Tensor "${name}" needs data or binary_data_size, one of them alone.`,
      );
    const data =
      size === undefined
        ? tensorDataFromJson(tensor, tensor.data, () => dataAt(json.byDigits(), side, index))
        : readBinaryData(tensor, sections.next(name, size));
    const parameters = withoutSize(tensor.parameters);
    return { name, datatype, shape, data, ...(parameters && { parameters }) };
  });
  sections.end();
  return decoded;
};

/**
 * A request whose first `headerLength` bytes are JSON, all of them when it is undefined. Tensors may share memory
 * with `body`. Every length is checked before anything is allocated for it.
 * @throws ProtocolError BINARY_* | TENSOR_* | PAYLOAD_NOT_JSON | PAYLOAD_TOO_DEEP | SCHEMA_INVALID | NUMBER_NOT_FINITE | INFERENCE_TOO_LARGE
 */
export const decodeInferRequest = (body: Uint8Array, headerLength?: number): InferRequest => {
  const [text, binary] = splitHeader(body, headerLength);
  const json = parseInferenceJson(text);
  const request = checkInferenceJson(inferRequestSchema, json.value, 'inference request');
  if (request.outputs) checkNames('requested outputs', request.outputs);
  return { ...request, inputs: decodeTensors('inputs', request.inputs, json, binary) };
};

/**
 * A response, read as `decodeInferRequest` reads a request.
 * @throws ProtocolError as `decodeInferRequest`
 */
export const decodeInferResponse = (body: Uint8Array, headerLength?: number): InferResponse => {
  const [text, binary] = splitHeader(body, headerLength);
  const json = parseInferenceJson(text);
  const response = checkInferenceJson(inferResponseSchema, json.value, 'inference response');
  return { ...response, outputs: decodeTensors('outputs', response.outputs, json, binary) };
};
