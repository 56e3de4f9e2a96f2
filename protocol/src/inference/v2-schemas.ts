/** The JSON objects of the Open Inference Protocol v2 (REST) with its binary tensor extension, as their clients know them. */
import { z } from 'zod';
import { BOUNDS } from '../bounds.ts';
import { entityIdSchema } from '../features/entity-view.ts';
import { jsonSchema } from '../twin.ts';
import { datatypeSchema, tensorSpecSchema } from './tensors.ts';

const text = z.string().max(BOUNDS.stringChars);
const tensorName = z.string().min(1).max(256);
const nonFinite = z
  .enum(['refuse', 'string'])
  .describe('string: NaN and infinities leave JSON as "NaN", "Infinity" and "-Infinity"; refuse: they are an error.');

/** Named values that the protocol leaves to servers; those with a meaning here are checked, all are passed on. */
const parametersWith = <S extends z.ZodRawShape>(known: S) => z.object(known).catchall(jsonSchema);

export const inferParametersSchema = parametersWith({
  binary_data_output: z.boolean().optional().describe('All outputs leave as binary data, unless one says otherwise.'),
  non_finite: nonFinite.optional(),
  priority: z
    .int()
    .min(0)
    .optional()
    .describe('As in Triton: 1 goes first, larger numbers later, 0 where the server puts those who do not ask.'),
  timeout: z.int().min(0).optional().describe('Shortens the deadline of the server to this [µs]; 0 leaves it.'),
  entity: entityIdSchema
    .optional()
    .describe(
      'The server brings in what it knows of this entity, as the model pins it; inputs that are sent outweigh it.',
    ),
  explain: z
    .union([
      z.boolean(),
      z.strictObject({
        method: z.literal('occlusion'),
        baseline: z
          .union([z.number(), z.array(z.number()).max(1_024)])
          .optional()
          .describe('The neutral value of all features, or of each; 0 by default.'),
      }),
    ])
    .optional()
    .describe(
      'The answer says in parameters.explanation what the score of its one row would lose without each feature.',
    ),
  fallback: z
    .boolean()
    .optional()
    .describe('A device asks because its own answer is not good enough: those who ask directly go before it.'),
}).meta({ id: 'InferParameters' });

const tensorParametersSchema = parametersWith({
  binary_data_size: z.int().min(0).optional().describe('Bytes of this tensor after the JSON part, in place of data.'),
});

/** Left to the codec, which reads elements in one pass; a schema would look at each by itself. */
const tensorDataSchema = z.unknown().meta({
  type: 'array',
  description:
    'Row-major elements, flat or nested as the shape says: numbers, true and false for BOOL, text for BYTES, all digits of 64-bit integers; FP datatypes also take "NaN", "Infinity" and "-Infinity".',
});

/** An input of a request or an output of a response: it has `data` or `parameters.binary_data_size`. */
export const inferTensorSchema = z
  .object({
    name: tensorName,
    shape: z.array(z.int().min(0)).max(BOUNDS.tensorRank),
    datatype: datatypeSchema,
    parameters: tensorParametersSchema.optional(),
    data: tensorDataSchema.optional(),
  })
  .meta({ id: 'InferTensor', examples: [{ name: 'x', shape: [2, 2], datatype: 'UINT32', data: [1, 2, 3, 4] }] });

export const requestedOutputSchema = z
  .object({
    name: tensorName,
    parameters: parametersWith({
      binary_data: z.boolean().optional().describe('This output leaves as binary data.'),
      non_finite: nonFinite.optional(),
    }).optional(),
  })
  .meta({ id: 'RequestedOutput', examples: [{ name: 'score', parameters: { binary_data: true } }] });
export type RequestedOutput = z.infer<typeof requestedOutputSchema>;

/** `$inference_request`. Over HTTP the path names the model; `model_name` and `model_version` are for MQTT. */
export const inferRequestSchema = z
  .object({
    model_name: text.optional(),
    model_version: text.optional(),
    id: text.optional().describe('Echoed by the response.'),
    parameters: inferParametersSchema.optional(),
    inputs: z.array(inferTensorSchema).max(BOUNDS.tensorsPerMessage),
    outputs: z
      .array(requestedOutputSchema)
      .max(BOUNDS.tensorsPerMessage)
      .optional()
      .describe('All outputs when absent.'),
  })
  .meta({
    id: 'InferRequest',
    examples: [{ id: '42', inputs: [{ name: 'x', shape: [1, 3], datatype: 'FP32', data: [0.5, -1, 2e-3] }] }],
  });

/** `$inference_response`. */
export const inferResponseSchema = z
  .object({
    model_name: text,
    model_version: text.optional(),
    id: text.optional(),
    parameters: parametersWith({}).optional(),
    outputs: z.array(inferTensorSchema).max(BOUNDS.tensorsPerMessage),
  })
  .meta({
    id: 'InferResponse',
    examples: [
      {
        model_name: 'pump-anomaly',
        model_version: '1',
        id: '42',
        outputs: [{ name: 'score', shape: [1], datatype: 'FP32', data: [0.25] }],
      },
    ],
  });

/** `$metadata_server_response`. */
export const serverMetadataSchema = z
  .object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) })
  .meta({
    id: 'ServerMetadata',
    examples: [{ name: 'shoal', version: '0.1.0', extensions: ['binary_tensor_data'] }],
  });
export type ServerMetadata = z.infer<typeof serverMetadataSchema>;

/** `$metadata_model_response`. */
export const modelMetadataSchema = z
  .object({
    name: z.string(),
    versions: z.array(z.string()).optional().describe('Those that a path may name.'),
    platform: z.string(),
    inputs: z.array(tensorSpecSchema),
    outputs: z.array(tensorSpecSchema),
  })
  .meta({
    id: 'ModelMetadata',
    examples: [
      {
        name: 'pump-anomaly',
        versions: ['1'],
        platform: 'onnx_onnxv1',
        inputs: [{ name: 'window', datatype: 'FP32', shape: [-1, 60, 8] }],
        outputs: [{ name: 'score', datatype: 'FP32', shape: [-1] }],
      },
    ],
  });
export type ModelMetadata = z.infer<typeof modelMetadataSchema>;

/** `$live_server_response`. */
export const serverLiveSchema = z.object({ live: z.boolean() }).meta({ id: 'ServerLive', examples: [{ live: true }] });
export type ServerLive = z.infer<typeof serverLiveSchema>;

/** The specification answers readiness with `live`, its readers expect `ready`: both are given. */
export const serverReadySchema = z
  .object({ live: z.boolean(), ready: z.boolean() })
  .meta({ id: 'ServerReady', examples: [{ live: true, ready: true }] });
export type ServerReady = z.infer<typeof serverReadySchema>;

/** `$ready_model_response`. */
export const modelReadySchema = z
  .object({ name: z.string(), ready: z.boolean() })
  .meta({ id: 'ModelReady', examples: [{ name: 'pump-anomaly', ready: true }] });
export type ModelReady = z.infer<typeof modelReadySchema>;

/** `$inference_error_response` and its siblings: every failed call answers with one. */
export const inferErrorSchema = z
  .object({ error: z.string() })
  .meta({ id: 'InferError', examples: [{ error: 'There is no model pump-anomaly.' }] });
export type InferError = z.infer<typeof inferErrorSchema>;
