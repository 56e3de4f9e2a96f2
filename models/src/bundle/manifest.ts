/** The manifest of a model bundle: everything about a model but its weights. */
import { tensorSpecSchema, type Datatype } from '@shoal/protocol/wire';
import { z } from 'zod';
import { ModelError } from '../errors.ts';
import { gateSchema } from '../gate/gate-flags.ts';
import { featureViewSchema, type FeatureView } from '../features/feature-view.ts';
import { featureViewHash } from '../features/schema-hash.ts';
import { entityVectorSchema } from '../features/entity-vector.ts';
import { featureNames } from '../features/window-steps.ts';
import { bundlePathSchema } from './bundle-path.ts';
import { postProcessingSchema } from './post-processing.ts';

/** In no order; a manifest lists its own by preference. */
export const ENGINE_KINDS = ['native-child', 'wasm-child', 'tfjs-child'] as const;
export const engineKindSchema = z.enum(ENGINE_KINDS);
export type EngineKind = z.infer<typeof engineKindSchema>;

const PLATFORMS = ['onnx', 'tfjs'] as const;
type Platform = (typeof PLATFORMS)[number];
const PLATFORM_OF_ENGINE: Readonly<Record<EngineKind, Platform>> = {
  'native-child': 'onnx',
  'wasm-child': 'onnx',
  'tfjs-child': 'tfjs',
};
/** What TensorFlow.js has: complex64 aside, four types of elements. */
const TFJS_DATATYPES: readonly Datatype[] = ['FP32', 'INT32', 'BOOL', 'BYTES'];

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
const nameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
const tensorNamesDiffer = (specs: readonly { readonly name: string }[]): boolean =>
  new Set(specs.map(({ name }) => name)).size === specs.length;
const tensorsSchema = z.array(tensorSpecSchema).max(64).refine(tensorNamesDiffer, 'tensor names must be distinct');

const signatureSchema = z.strictObject({
  /** A model of constants has none. */
  inputs: tensorsSchema,
  outputs: tensorsSchema.min(1),
  /** What to do with NaN or infinity in a floating-point tensor. */
  nonFiniteInputs: z.enum(['refuse', 'allow']).default('refuse'),
  nonFiniteOutputs: z.enum(['refuse', 'allow']).default('refuse'),
});

const windowSchema = z.strictObject({
  channels: z.array(z.string().min(1).max(64)).min(1).max(64),
  sampleRateHz: z.number().positive().max(100_000),
  /** Milliseconds of event time. */
  lengthMs: z.int().positive().max(86_400_000),
  hopMs: z.int().positive().max(86_400_000),
  minCoverage: z.number().min(0).max(1),
});

const resourcesSchema = z.strictObject({
  /** What the model adds to the resident memory of an engine process, at most. */
  memoryMb: z.int().min(1).max(65_536),
  diskBytes: z.int().min(0),
  /** As in `process.arch`; empty means any. */
  arch: z.array(z.string().min(1)).max(16).default([]),
  minimumAgent: z.string().regex(/^\d+\.\d+\.\d+$/),
});

/** What a device does when it is unsure or cannot answer; the ladder itself is the agent's. */
const fallbackSchema = z.strictObject({
  mode: z.enum(['none', 'escalate']),
  /** The larger sibling to ask; null asks the same model. */
  model: nameSchema.nullable().default(null),
});

const fileSchema = z.strictObject({
  path: bundlePathSchema,
  sha256: sha256Schema,
  lengthBytes: z.int().min(0),
  /** `weights`: what a model file of platform tfjs names, beside it. */
  role: z.enum(['model', 'weights', 'golden', 'reference', 'readme']),
});
export type BundleFile = z.infer<typeof fileSchema>;

const shapeSchema = z.strictObject({
  schemaVersion: z.literal(1),
  name: nameSchema,
  version: z.string().regex(/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/),
  /** Only ever grows; a device never goes below its floor. */
  releaseCounter: z.int().min(1),
  platform: z.enum(PLATFORMS),
  description: z.string().max(2_000),
  signature: signatureSchema,
  /** What the model sees of a window: all three, or none for a model that is only asked with tensors. */
  featureView: featureViewSchema.optional(),
  featureViewHash: sha256Schema.optional(),
  window: windowSchema.optional(),
  /** A row of input is the last so many vectors of one device, oldest first; without it one vector. */
  history: z.strictObject({ vectors: z.int().min(2).max(256) }).optional(),
  /** Features of entities that the server adds to a request that names an `entity`; device, server and batch must agree. */
  entityView: entityVectorSchema.optional(),
  postProcessing: postProcessingSchema,
  /** Allowed engines, best first. */
  engines: z
    .array(engineKindSchema)
    .min(1)
    .refine((kinds) => new Set(kinds).size === kinds.length, 'engines repeat'),
  resources: resourcesSchema,
  /** What the static gate is to let pass; nothing out of the ordinary where it is absent. */
  gate: gateSchema.optional(),
  fallback: fallbackSchema,
  files: z.array(fileSchema).min(1).max(64),
});
type ManifestShape = z.infer<typeof shapeSchema>;

/** Every feature needs its tolerance, or a device could not tell what a change is. */
const tolerancesComplete = ({ featureView, window, postProcessing }: ManifestShape): boolean => {
  if (postProcessing.kind !== 'score' || postProcessing.calibration.method !== 'device-normal') return true;
  if (featureView === undefined || window === undefined) return false;
  const { tolerances } = postProcessing.calibration;
  try {
    return featureNames(featureView, window.lengthMs).every((name) => Object.hasOwn(tolerances, name));
  } catch {
    return false;
  }
};

/** False also for a window the view has no grid for. */
const featuresDiffer = ({ featureView, window }: ManifestShape): boolean => {
  if (featureView === undefined || window === undefined) return true;
  try {
    const names = featureNames(featureView, window.lengthMs);
    return new Set(names).size === names.length;
  } catch {
    return false;
  }
};

type Check = readonly [holds: boolean, message: string];

const windowChecks = (manifest: ManifestShape): readonly Check[] => {
  const { featureView, featureViewHash: hash, window } = manifest;
  const given = [featureView, hash, window].filter((part) => part !== undefined).length;
  return [
    [given === 0 || given === 3, 'featureView, featureViewHash and window come together'],
    [
      featureView === undefined || hash === featureViewHash(featureView),
      'featureViewHash is not the hash of featureView',
    ],
    [
      featureView?.channels.every((channel) => window?.channels.includes(channel) ?? true) ?? true,
      'a view channel is not in the window',
    ],
    [tolerancesComplete(manifest), 'device-normal needs a view and a tolerance for each of its features'],
    [featuresDiffer(manifest), 'the view gives features of the same name, or none for such a window'],
  ];
};

const judgementChecks = ({ postProcessing, signature }: ManifestShape): readonly Check[] => {
  if (postProcessing.kind === 'none') return [];
  const isOutput = (wanted: string): boolean => signature.outputs.some(({ name }) => name === wanted);
  const declared: Check = [
    Object.hasOwn(postProcessing.thresholds, postProcessing.decisionThreshold),
    'decisionThreshold is not declared',
  ];
  if (postProcessing.kind === 'score')
    return [declared, [isOutput(postProcessing.scoreOutput), 'scoreOutput is not an output']];
  const { labels, quietLabels, probabilitiesOutput } = postProcessing;
  return [
    declared,
    [isOutput(probabilitiesOutput), 'probabilitiesOutput is not an output'],
    [new Set(labels).size === labels.length, 'a label is given twice'],
    [quietLabels.every((label) => labels.includes(label)), 'a quiet label is no label'],
  ];
};

const platformChecks = ({ platform, engines, files, signature }: ManifestShape): readonly Check[] => {
  const foreign = engines.filter((engine) => PLATFORM_OF_ENGINE[engine] !== platform);
  const specs = platform === 'tfjs' ? [...signature.inputs, ...signature.outputs] : [];
  const unknown = specs.filter(({ datatype }) => !TFJS_DATATYPES.includes(datatype)).map(({ name }) => name);
  return [
    [foreign.length === 0, `${foreign.join(', ')} runs no ${platform} model`],
    [platform === 'tfjs' || files.every(({ role }) => role !== 'weights'), 'only a tfjs model has weights files'],
    [unknown.length === 0, `${unknown.join(', ')}: TensorFlow.js has only ${TFJS_DATATYPES.join(', ')}`],
  ];
};

const contradictions = (manifest: ManifestShape): readonly string[] => {
  const { files } = manifest;
  const count = (role: BundleFile['role']): number => files.filter((file) => file.role === role).length;
  const checks: readonly Check[] = [
    ...windowChecks(manifest),
    ...judgementChecks(manifest),
    ...platformChecks(manifest),
    [count('model') === 1, 'exactly one file has the role model'],
    [count('golden') === 1, 'exactly one file has the role golden'],
    [count('reference') <= 1 && count('readme') <= 1, 'a role is given twice'],
    [new Set(files.map(({ path }) => path)).size === files.length, 'a file is listed twice'],
  ];
  return checks.filter(([holds]) => !holds).map(([, message]) => message);
};

export const manifestSchema = shapeSchema.superRefine((manifest, context) => {
  for (const message of contradictions(manifest)) context.addIssue({ code: 'custom', message });
});
export type BundleManifest = z.infer<typeof manifestSchema>;
/** A manifest whose model looks at windows of a stream. */
export type WindowedManifest = BundleManifest & {
  readonly featureView: FeatureView;
  readonly featureViewHash: string;
  readonly window: z.infer<typeof windowSchema>;
};

export const isWindowed = (manifest: BundleManifest): manifest is WindowedManifest => manifest.window !== undefined;

/** Throws MODEL_NOT_WINDOWED. */
export const windowedManifest = (manifest: BundleManifest): WindowedManifest => {
  if (isWindowed(manifest)) return manifest;
  throw new ModelError('MODEL_NOT_WINDOWED', `${manifest.name} looks at no windows; ask it with tensors`);
};

/** Throws BUNDLE_MANIFEST_INVALID with every fault and its path. */
export const parseManifest = (value: unknown): BundleManifest => {
  const result = manifestSchema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.') || 'manifest'}: ${message}`);
  throw new ModelError('BUNDLE_MANIFEST_INVALID', `The manifest is invalid: ${faults.join('; ')}`, {
    cause: result.error,
  });
};
