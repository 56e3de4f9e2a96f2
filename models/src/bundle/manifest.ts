/** The manifest of a model bundle: everything about a model but its weights. */
import { tensorSpecSchema } from '@shoal/protocol';
import { z } from 'zod';
import { ModelError } from '../errors.ts';
import { featureViewSchema } from '../features/feature-view.ts';
import { featureViewHash } from '../features/schema-hash.ts';
import { featureNames } from '../features/window-steps.ts';
import { bundlePathSchema } from './bundle-path.ts';

/** In no order; a manifest lists its own by preference. */
export const ENGINE_KINDS = ['native-child', 'wasm-child'] as const;
export const engineKindSchema = z.enum(ENGINE_KINDS);
export type EngineKind = z.infer<typeof engineKindSchema>;

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
const nameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
const tensorNamesDiffer = (specs: readonly { readonly name: string }[]): boolean =>
  new Set(specs.map(({ name }) => name)).size === specs.length;
const tensorsSchema = z
  .array(tensorSpecSchema)
  .min(1)
  .max(64)
  .refine(tensorNamesDiffer, 'tensor names must be distinct');

const signatureSchema = z.strictObject({
  inputs: tensorsSchema,
  outputs: tensorsSchema,
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

const thresholdSchema = z.strictObject({
  default: z.number(),
  description: z.string().max(500).default(''),
});

/** `none`: thresholds hold as they are. `device-quantile`: a device sets its own from its first scores. */
const calibrationSchema = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('none') }),
  z.strictObject({
    method: z.literal('device-quantile'),
    /** Windows a device must have scored before it may calibrate. */
    minimumWindows: z.int().min(1),
    quantile: z.number().min(0).max(1),
    /** Threshold = factor times that quantile of the scores. */
    factor: z.number().positive(),
  }),
]);

const postProcessingSchema = z.strictObject({
  /** Output that holds one score per row. */
  scoreOutput: z.string().min(1),
  /** Threshold that the score is held against. */
  decisionThreshold: z.string().min(1),
  /** Names of the verdict: not above the threshold, above it. */
  labels: z.tuple([z.string().min(1), z.string().min(1)]),
  thresholds: z.record(z.string().min(1).max(64), thresholdSchema),
  calibration: calibrationSchema,
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
  role: z.enum(['model', 'golden', 'reference', 'readme']),
});
export type BundleFile = z.infer<typeof fileSchema>;

const shapeSchema = z.strictObject({
  schemaVersion: z.literal(1),
  name: nameSchema,
  version: z.string().regex(/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/),
  /** Only ever grows; a device never goes below its floor. */
  releaseCounter: z.int().min(1),
  platform: z.enum(['onnx']),
  description: z.string().max(2_000),
  signature: signatureSchema,
  featureView: featureViewSchema,
  featureViewHash: sha256Schema,
  window: windowSchema,
  postProcessing: postProcessingSchema,
  /** Allowed engines, best first. */
  engines: z
    .array(engineKindSchema)
    .min(1)
    .refine((kinds) => new Set(kinds).size === kinds.length, 'engines repeat'),
  resources: resourcesSchema,
  fallback: fallbackSchema,
  files: z.array(fileSchema).min(1).max(64),
});
type ManifestShape = z.infer<typeof shapeSchema>;

/** False also for a window the view has no grid for. */
const featuresDiffer = ({ featureView, window }: ManifestShape): boolean => {
  try {
    const names = featureNames(featureView, window.lengthMs);
    return new Set(names).size === names.length;
  } catch {
    return false;
  }
};

const contradictions = (manifest: ManifestShape): readonly string[] => {
  const { postProcessing, files, signature, window, featureView } = manifest;
  const count = (role: BundleFile['role']): number => files.filter((file) => file.role === role).length;
  const checks: readonly (readonly [holds: boolean, message: string])[] = [
    [manifest.featureViewHash === featureViewHash(featureView), 'featureViewHash is not the hash of featureView'],
    [featureView.channels.every((channel) => window.channels.includes(channel)), 'a view channel is not in the window'],
    [featuresDiffer(manifest), 'the view gives features of the same name, or none for such a window'],
    [signature.outputs.some(({ name }) => name === postProcessing.scoreOutput), 'scoreOutput is not an output'],
    [Object.hasOwn(postProcessing.thresholds, postProcessing.decisionThreshold), 'decisionThreshold is not declared'],
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

/** Throws BUNDLE_MANIFEST_INVALID with every fault and its path. */
export const parseManifest = (value: unknown): BundleManifest => {
  const result = manifestSchema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.') || 'manifest'}: ${message}`);
  throw new ModelError('BUNDLE_MANIFEST_INVALID', `The manifest is invalid: ${faults.join('; ')}`, {
    cause: result.error,
  });
};
