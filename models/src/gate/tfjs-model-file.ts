/** The model.json of TensorFlow.js, as far as it is read here: topology, weights manifest, signature of a graph. */
import { posix } from 'node:path';
import { z } from 'zod';
import { isBundlePath } from '../bundle/bundle-path.ts';
import type { BundleManifest } from '../bundle/manifest.ts';
import { ModelError } from '../errors.ts';
import { jsonDepth } from './json-depth.ts';

const MAX_BYTES = 16 * 1_024 * 1_024;
const MAX_DEPTH = 100;
const MAX_NODES = 50_000;

const quantizationSchema = z.looseObject({ dtype: z.enum(['uint8', 'uint16', 'float16']) });

const weightSchema = z.looseObject({
  name: z.string().min(1).max(1_024),
  shape: z.array(z.int().min(0)).max(16),
  dtype: z.enum(['float32', 'int32', 'bool', 'string']),
  quantization: quantizationSchema.optional(),
});
export type TfjsWeight = z.infer<typeof weightSchema>;

const groupSchema = z.looseObject({
  paths: z.array(z.string().min(1)).min(1).max(1_024),
  weights: z.array(weightSchema).max(MAX_NODES),
});

const nodeSchema = z.looseObject({
  name: z.string().min(1),
  op: z.string().min(1),
  input: z.array(z.string().min(1)).max(MAX_NODES).default([]),
});
export type TfjsNode = z.infer<typeof nodeSchema>;

const graphSchema = z.looseObject({
  node: z.array(nodeSchema).min(1).max(MAX_NODES),
  library: z.looseObject({ function: z.array(z.unknown()).max(0, 'functions are refused').optional() }).optional(),
  /** TensorFlow.js reads both. */
  versions: z.looseObject({}),
});

const file = {
  weightsManifest: z.array(groupSchema).max(1_024),
  modelInitializer: z.undefined('initialisers are refused').optional(),
};

const fileSchema = z.discriminatedUnion('format', [
  z.looseObject({
    format: z.literal('layers-model'),
    ...file,
    modelTopology: z.looseObject({}),
    signature: z.undefined().optional(),
  }),
  z.looseObject({
    format: z.literal('graph-model'),
    ...file,
    modelTopology: graphSchema,
    signature: z.looseObject({}).optional(),
  }),
]);

/** `weightPaths`: the bundle path of every shard, in order. */
export type TfjsModelFile = z.infer<typeof fileSchema> & { readonly weightPaths: readonly string[] };

export const refuse = (why: string): never => {
  throw new ModelError('MODEL_GATE_REFUSED', `model.json is refused: ${why}`);
};

const parse = (bytes: Uint8Array): unknown => {
  if (bytes.byteLength > MAX_BYTES) return refuse(`${bytes.byteLength} bytes, at most ${MAX_BYTES}`);
  if (jsonDepth(bytes) > MAX_DEPTH) return refuse(`it nests deeper than ${MAX_DEPTH}`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    return refuse('it is not JSON');
  }
};

/** Shards lie beside the model file. */
const bundlePathOf = (manifest: BundleManifest, name: string): string => {
  const model = manifest.files.find(({ role }) => role === 'model')?.path ?? '';
  if (name.includes('/') || !isBundlePath(name))
    return refuse(`the weights path "${name.slice(0, 100)}" is no plain file name`);
  return posix.join(posix.dirname(model), name);
};

/** Throws MODEL_GATE_REFUSED for anything that is not a model.json of a known form. */
export const readTfjsModel = (manifest: BundleManifest, bytes: Uint8Array): TfjsModelFile => {
  const result = fileSchema.safeParse(parse(bytes));
  if (!result.success) {
    const [fault] = result.error.issues;
    return refuse(`${fault?.path.join('.') || 'file'}: ${fault?.message ?? 'invalid'}`);
  }
  const names = result.data.weightsManifest.flatMap(({ paths }) => paths);
  return { ...result.data, weightPaths: names.map((name) => bundlePathOf(manifest, name)) };
};
