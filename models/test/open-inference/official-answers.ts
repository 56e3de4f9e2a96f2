/**
 * What the published descriptions ask of an answer, in our own words: `open_inference_rest.yaml` of the Open Inference Protocol, and
 * Triton's extensions (model_configuration, model_repository, statistics). They let more fields be; what is there has its type.
 */
import { z } from 'zod';

/** "Tensor Data Types" of the protocol that this host speaks. */
const datatype = z.enum([
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
  'BYTES',
]);
/** "$parameter = $string : $string | $number | $boolean" */
const parameters = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
/** -1 is a dimension of any size. */
const metadataTensor = z.looseObject({ name: z.string(), datatype, shape: z.array(z.int().min(-1)) });
type TensorData = (number | string | boolean | TensorData)[];
const tensorData: z.ZodType<TensorData> = z.lazy(() =>
  z.array(z.union([z.number(), z.string(), z.boolean(), tensorData])),
);
const responseOutput = z.looseObject({
  name: z.string(),
  shape: z.array(z.int().min(0)),
  datatype,
  parameters: parameters.optional(),
});

const duration = z.looseObject({ count: z.int().min(0), ns: z.int().min(0) });

export const official = {
  serverLive: z.looseObject({ live: z.boolean() }),
  serverReady: z.looseObject({ live: z.boolean() }),
  serverMetadata: z.looseObject({ name: z.string(), version: z.string(), extensions: z.array(z.string()) }),
  modelReady: z.looseObject({ name: z.string(), ready: z.boolean() }),
  modelMetadata: z.looseObject({
    name: z.string(),
    versions: z.array(z.string()).optional(),
    platform: z.string(),
    inputs: z.array(metadataTensor),
    outputs: z.array(metadataTensor),
    properties: z.record(z.string(), z.string()).optional(),
  }),
  inferResponse: z.looseObject({
    model_name: z.string(),
    model_version: z.string().optional(),
    id: z.string().optional(),
    parameters: parameters.optional(),
    outputs: z.array(responseOutput.extend({ data: tensorData })),
  }),
  /** binary_tensor_data: an output has its size in place of its data. */
  binaryResponse: z.looseObject({
    model_name: z.string(),
    outputs: z.array(
      responseOutput.extend({
        parameters: z.looseObject({ binary_data_size: z.int().min(0) }),
        data: z.never().optional(),
      }),
    ),
  }),
  error: z.object({ error: z.string().min(1) }).strict(),
  modelConfig: z.looseObject({
    name: z.string(),
    platform: z.string(),
    backend: z.string(),
    version_policy: z.looseObject({}),
    max_batch_size: z.int().min(0),
    input: z.array(
      z.looseObject({ name: z.string(), data_type: z.string().startsWith('TYPE_'), dims: z.array(z.int()) }),
    ),
    output: z.array(
      z.looseObject({ name: z.string(), data_type: z.string().startsWith('TYPE_'), dims: z.array(z.int()) }),
    ),
    instance_group: z.array(z.looseObject({ name: z.string(), count: z.int().min(1), kind: z.string() })),
  }),
  statistics: z.looseObject({
    model_stats: z.array(
      z.looseObject({
        name: z.string(),
        version: z.string(),
        last_inference: z.int().min(0),
        inference_count: z.int().min(0),
        execution_count: z.int().min(0),
        inference_stats: z.looseObject({
          success: duration,
          fail: duration,
          queue: duration,
          compute_input: duration,
          compute_infer: duration,
          compute_output: duration,
        }),
        batch_stats: z.array(
          z.looseObject({
            batch_size: z.int().min(1),
            compute_input: duration,
            compute_infer: duration,
            compute_output: duration,
          }),
        ),
      }),
    ),
  }),
  repositoryIndex: z.array(
    z.looseObject({
      name: z.string(),
      version: z.string().optional(),
      state: z.enum(['UNKNOWN', 'READY', 'UNAVAILABLE', 'LOADING', 'UNLOADING']),
      reason: z.string(),
    }),
  ),
} as const;
