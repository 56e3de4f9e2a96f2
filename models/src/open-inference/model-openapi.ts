/** The data plane of one model as an OpenAPI 3.1 document: its own tensors in place of any tensors. */
import type { Datatype, TensorSpec } from '@shoal/protocol/wire';
import type { BundleManifest } from '../bundle/manifest.ts';

type Schema = Readonly<Record<string, unknown>>;

const ELEMENTS: Readonly<Record<'BOOL' | 'BYTES' | 'integer' | 'number', Schema>> = {
  BOOL: { type: 'boolean' },
  BYTES: { type: 'string' },
  integer: { type: 'integer' },
  number: { anyOf: [{ type: 'number' }, { enum: ['NaN', 'Infinity', '-Infinity'] }] },
};

const elementOf = (datatype: Datatype): Schema => {
  if (datatype === 'BOOL' || datatype === 'BYTES') return ELEMENTS[datatype];
  return datatype.startsWith('FP') ? ELEMENTS.number : ELEMENTS.integer;
};

const dimension = (size: number): Schema => (size === -1 ? { type: 'integer', minimum: 0 } : { const: size });

const tensorSchema = ({ name, datatype, shape }: TensorSpec): Schema => ({
  type: 'object',
  required: ['name', 'datatype', 'shape'],
  properties: {
    name: { const: name },
    datatype: { const: datatype },
    shape: { type: 'array', prefixItems: shape.map(dimension), minItems: shape.length, maxItems: shape.length },
    parameters: { type: 'object' },
    data: {
      type: 'array',
      description: 'Row-major, flat or nested as the shape.',
      items: { anyOf: [elementOf(datatype), { type: 'array' }] },
    },
  },
});

const tensorsSchema = (specs: readonly TensorSpec[]): Schema => ({
  type: 'array',
  minItems: specs.length,
  maxItems: specs.length,
  ...(specs.length > 0 && { items: { anyOf: specs.map(tensorSchema) } }),
});

const textual = { type: 'string' };

const requestSchema = ({ signature }: BundleManifest): Schema => ({
  type: 'object',
  required: ['inputs'],
  properties: {
    id: textual,
    parameters: { type: 'object' },
    inputs: tensorsSchema(signature.inputs),
    outputs: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: { enum: signature.outputs.map(({ name }) => name) }, parameters: { type: 'object' } },
      },
    },
  },
});

const responseSchema = ({ signature }: BundleManifest): Schema => ({
  type: 'object',
  required: ['model_name', 'outputs'],
  properties: {
    model_name: textual,
    model_version: textual,
    id: textual,
    parameters: { type: 'object' },
    outputs: { type: 'array', items: { anyOf: signature.outputs.map(tensorSchema) } },
  },
});

const ERROR = { type: 'object', required: ['error'], properties: { error: textual } };

const json = (description: string, schema: Schema): Schema => ({
  description,
  content: { 'application/json': { schema } },
});

const FAULTS = {
  400: 'The request does not match the model.',
  404: 'No such model.',
  413: 'Too large.',
  415: 'A content encoding that is not spoken here.',
  422: 'The answer is not finite.',
  429: 'The queue is full.',
  503: 'No engine runs the model now.',
  504: 'Not within the deadline.',
} as const;

const get = (operationId: string, summary: string): Schema => ({
  get: {
    operationId,
    summary,
    responses: { 200: json('The answer.', { type: 'object' }), 404: json('No such model.', ERROR) },
  },
});

export const modelOpenApi = (manifest: BundleManifest): Schema => {
  const path = `/v2/models/${manifest.name}`;
  const responses = {
    200: json('The outputs.', responseSchema(manifest)),
    ...Object.fromEntries(Object.entries(FAULTS).map(([status, why]) => [status, json(why, ERROR)])),
  };
  const requestBody = { required: true, content: { 'application/json': { schema: requestSchema(manifest) } } };
  return {
    openapi: '3.1.0',
    info: { title: manifest.name, version: manifest.version, description: manifest.description },
    paths: {
      [path]: get('modelMetadata', 'Model metadata'),
      [`${path}/ready`]: get('modelReady', 'Whether the model is ready'),
      [`${path}/infer`]: { post: { operationId: 'modelInfer', summary: 'Inference', requestBody, responses } },
    },
  };
};
