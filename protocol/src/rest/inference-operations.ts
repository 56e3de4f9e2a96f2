/** Routes of real-time inference: the Open Inference Protocol v2 with the extensions its clients know, and `/predict`. */
import { z } from 'zod';
import { entityIdSchema, featureValueSchema } from '../features/entity-view.ts';
import {
  inferErrorSchema,
  inferRequestSchema,
  inferResponseSchema,
  modelMetadataSchema,
  modelReadySchema,
  serverLiveSchema,
  serverMetadataSchema,
  serverReadySchema,
} from '../inference/v2-schemas.ts';
import { jsonObjectSchema } from '../twin.ts';
import { json, type Operation, type OperationResponse } from './operation.ts';

const FAULTS = {
  400: 'The request does not match the protocol or the model.',
  401: 'Nobody this server knows.',
  403: 'Refused: the caller may not do this.',
  404: 'No such model or version.',
  409: 'A feature that must be there is missing or too old.',
  413: 'Too large.',
  415: 'A content encoding that is not spoken here.',
  422: 'The answer is not finite, or the input breaks the model.',
  429: 'The queue is full; `Retry-After` says when it has room.',
  500: 'A fault of the server; its log has the details.',
  503: 'No engine runs the model now.',
  504: 'The deadline cannot be kept, or was not.',
} as const;

/** Every failure is `{"error": …}`, with a code of the catalogue in the header `shoal-error-code`. */
const faults = (...statuses: (keyof typeof FAULTS)[]): Record<number, OperationResponse> =>
  Object.fromEntries(
    ([400, 401, 403, 500, ...statuses] as const).map((status) => [status, json(FAULTS[status], inferErrorSchema)]),
  );

const RUN_FAULTS = faults(404, 409, 413, 415, 422, 429, 503, 504);
const modelParams = z.object({ model: z.string().meta({ description: 'Name of a model, as the index lists it.' }) });
const versionParams = modelParams.extend({ version: z.string().meta({ description: 'One of its versions.' }) });

export const predictRequestSchema = z
  .strictObject({
    features: z
      .union([z.array(z.number()), z.array(z.array(z.number())), z.record(z.string(), featureValueSchema)])
      .optional()
      .describe('One row, rows of equal length, or with an entity single features by name.'),
    entity: entityIdSchema.optional(),
    model: z.string().optional().describe('May be left out while one model alone fits.'),
    version: z.string().optional(),
  })
  .meta({ id: 'PredictRequest', examples: [{ features: [0.1, 0.2, 0.3] }, { entity: 'pump-07', model: 'pump-risk' }] });
export const predictResponseSchema = z
  .object({
    prediction: z.array(z.unknown()).describe('An entry a row: the value, or the list of values.'),
    model: z.string(),
    version: z.string(),
    parameters: jsonObjectSchema.optional(),
  })
  .meta({ id: 'PredictResponse' });

const repositoryIndexSchema = z.array(
  z.object({
    name: z.string(),
    version: z.string().optional(),
    state: z.enum(['READY', 'LOADING', 'UNAVAILABLE']),
    reason: z.string(),
  }),
);

/** A question about a model, and the same about one version of it. */
const ofModel = (operation: Omit<Operation, 'tag' | 'params' | 'path'> & { readonly rest: string }): Operation[] => {
  const { rest, id, ...same } = operation;
  return [
    { ...same, id, tag: 'inference', path: `/v2/models/{model}${rest}`, params: modelParams },
    {
      ...same,
      id: `${id}OfVersion`,
      tag: 'inference',
      path: `/v2/models/{model}/versions/{version}${rest}`,
      params: versionParams,
    },
  ];
};

const question = (id: string, rest: string, summary: string, answer: OperationResponse): Operation[] =>
  ofModel({ id, rest, method: 'get', summary, responses: { 200: answer, ...faults(404) } });

const server = (id: string, path: `/${string}`, summary: string, answer: OperationResponse): Operation => ({
  id,
  method: 'get',
  path,
  tag: 'inference',
  summary,
  responses: { 200: answer, ...faults() },
});

const change = (id: string, path: `/${string}`, summary: string): Operation => ({
  id,
  method: 'post',
  path,
  tag: 'inference',
  summary,
  params: modelParams,
  body: z.object({ parameters: z.object({ unload_dependents: z.boolean().optional() }).optional() }),
  responses: { 200: json('Done.', jsonObjectSchema), ...faults(404, 413, 415, 503) },
});

export const INFERENCE_OPERATIONS: readonly Operation[] = [
  {
    id: 'predict',
    method: 'post',
    path: '/predict',
    tag: 'inference',
    summary: 'Predict from features, or from what is known of an entity',
    isRead: true,
    query: z.object({ model: z.string().optional(), version: z.string().optional() }),
    body: predictRequestSchema,
    responses: { 200: json('The prediction.', predictResponseSchema), ...RUN_FAULTS },
  },
  ...ofModel({
    id: 'infer',
    rest: '/infer',
    method: 'post',
    summary: 'Infer: tensors in, tensors out',
    description:
      'Tensors as JSON, as binary data behind the JSON (`Inference-Header-Content-Length`), or raw. `parameters.priority`: 1 goes first, 9 last, 5 by default; all of them before devices that fall back on this server. `parameters.timeout` [µs] shortens the deadline. `parameters.entity` brings in the features that the model pins. A closed connection withdraws the request.',
    isRead: true,
    body: inferRequestSchema,
    responses: { 200: json('The outputs.', inferResponseSchema), ...RUN_FAULTS },
  }),
  ...question('getModel', '', 'Show the inputs and outputs of a model', json('Metadata.', modelMetadataSchema)),
  ...ofModel({
    id: 'getModelReady',
    rest: '/ready',
    method: 'get',
    summary: 'Answer whether a model is ready',
    responses: { 200: json('Ready.', modelReadySchema), ...faults(404), 503: json('Not ready.', modelReadySchema) },
  }),
  ...question(
    'getModelConfig',
    '/config',
    'Show the configuration of a model',
    json('Configuration.', jsonObjectSchema),
  ),
  ...question('getModelStatistics', '/stats', 'Show what a model did', json('Statistics.', jsonObjectSchema)),
  ...question(
    'getModelOpenApi',
    '/docs/dataplane.json',
    'Show the OpenAPI document of a model',
    json('A document with the tensors of the model.', jsonObjectSchema),
  ),
  server('getInferenceServer', '/v2', 'Show the server and its extensions', json('Metadata.', serverMetadataSchema)),
  server(
    'getInferenceLiveness',
    '/v2/health/live',
    'Answer whether the server lives',
    json('It lives.', serverLiveSchema),
  ),
  {
    ...server(
      'getInferenceReadiness',
      '/v2/health/ready',
      'Answer whether all models are ready',
      json('', serverReadySchema),
    ),
    responses: { 200: json('Ready.', serverReadySchema), ...faults(), 503: json('Not yet.', serverReadySchema) },
  },
  server('getStatistics', '/v2/models/stats', 'Show what all models did', json('Statistics.', jsonObjectSchema)),
  {
    id: 'listModels',
    method: 'post',
    path: '/v2/repository/index',
    tag: 'inference',
    summary: 'List the models that are served or could be',
    isRead: true,
    body: z.object({ ready: z.boolean().optional().describe('Only those that answer.') }),
    responses: { 200: json('One entry a version.', repositoryIndexSchema), ...faults(413, 415) },
  },
  change('loadModel', '/v2/repository/models/{model}/load', 'Load a model, or load it anew'),
  change('unloadModel', '/v2/repository/models/{model}/unload', 'Unload a model after its last answer'),
];
