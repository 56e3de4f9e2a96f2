/** Models that live in a test, and the service over them. */
import {
  bytesOf,
  INLINE_CODEC,
  ModelMeter,
  OpenInferenceService,
  type BundleManifest,
  type InferOptions,
  type ModelRepository,
  type OpenInferenceAnswer,
  type ServedAnswer,
  type ServedModel,
  type ServingState,
} from '@shoal/models';
import type { Tensors, TensorSpec } from '@shoal/protocol';
import { manifestOf } from '../test-bundles.ts';

export interface ModelPlan {
  readonly name?: string;
  readonly version?: string;
  readonly inputs?: readonly TensorSpec[];
  readonly outputs?: readonly TensorSpec[];
  readonly postProcessing?: BundleManifest['postProcessing'];
  readonly state?: ServingState;
  readonly reason?: string;
  readonly retryAfterMs?: number;
  /** By default the inputs come back as they went. */
  readonly infer?: (inputs: Tensors, options: InferOptions) => Promise<ServedAnswer> | ServedAnswer;
}

export const X: TensorSpec = { name: 'x', datatype: 'FP32', shape: [-1, 2] };
export const Y: TensorSpec = { name: 'y', datatype: 'FP32', shape: [-1, 2] };

export const echo = (inputs: Tensors): ServedAnswer => {
  const { x } = inputs;
  return { outputs: x === undefined ? {} : { y: x }, elapsedMs: 0.5 };
};

export const servedModel = (plan: ModelPlan = {}): ServedModel => {
  const { name = 'echo', version = '1.0.0', inputs = [X], outputs = [Y], infer = echo } = plan;
  const nonFinite = { nonFiniteInputs: 'allow', nonFiniteOutputs: 'allow' } as const;
  const signature = { inputs: [...inputs], outputs: [...outputs], ...nonFinite };
  const { featureView: _view, window: _window, ...bare } = manifestOf({ name, version, signature });
  return {
    manifest: { ...bare, postProcessing: plan.postProcessing ?? { kind: 'none' }, files: [] },
    meter: new ModelMeter(() => 1_760_000_000_000),
    state: () => ({ state: plan.state ?? 'READY', reason: plan.reason ?? '' }),
    infer: async (given, options) => infer(given, options),
    retryAfterMs: () => plan.retryAfterMs ?? 0,
  };
};

export const repositoryOf = (...models: readonly ServedModel[]): ModelRepository => ({
  list: () => models,
  get: (name, version) =>
    models.find(({ manifest }) => manifest.name === name && (version === undefined || manifest.version === version)),
});

export const serviceOver = (repository: ModelRepository): OpenInferenceService =>
  new OpenInferenceService({
    repository,
    codec: INLINE_CODEC,
    name: 'shoal-test',
    version: '9.9.9',
    deadlineMs: 1_000,
  });

export interface Ask {
  readonly body?: Uint8Array | string | object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

const asked = (body: Ask['body']): Uint8Array => {
  if (body instanceof Uint8Array) return body;
  return Buffer.from(typeof body === 'object' ? JSON.stringify(body) : (body ?? ''), 'utf8');
};

/** As a transport would ask; fails where the path is not the service's at all. */
export const ask = async (
  service: OpenInferenceService,
  method: string,
  target: string,
  { body, headers = {}, signal }: Ask = {},
): Promise<OpenInferenceAnswer & { readonly body: Buffer }> => {
  const [path = '', query = ''] = target.split('?');
  const request = { method, path, query: new URLSearchParams(query), headers, body: asked(body) };
  const answer = await service.answer({ ...request, ...(signal && { signal }) });
  if (answer === undefined) throw new Error(`${target} is no path of the service`);
  return { ...answer, body: bytesOf(answer) };
};

export const jsonOf = (answer: OpenInferenceAnswer): unknown => JSON.parse(bytesOf(answer).toString('utf8'));

export const inferBody = (data: readonly number[] = [1, 2], more: object = {}): object => ({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [data.length / 2, 2], data }],
  ...more,
});
