/** What the protocol shows of a model: metadata (OIP), configuration and statistics (Triton's extensions). */
import type { Datatype, ModelMetadata, TensorSpec } from '@shoal/protocol/wire';
import type { InferenceStatistics } from './model-meter.ts';
import type { RepositoryEntry, ServedModel } from './model-repository.port.ts';

const PLATFORMS: Readonly<Record<string, string>> = { onnx: 'onnx_onnxv1' };

/** Triton's word where it has one, ours otherwise. */
const platformOf = ({ manifest }: ServedModel): string => PLATFORMS[manifest.platform] ?? manifest.platform;

/** `models` are the versions of one name, the one that was asked for first. */
export const modelMetadata = (model: ServedModel, versions: readonly ServedModel[]): ModelMetadata => ({
  name: model.manifest.name,
  versions: versions.map(({ manifest }) => manifest.version),
  platform: platformOf(model),
  inputs: [...model.manifest.signature.inputs],
  outputs: [...model.manifest.signature.outputs],
});

const configType = (datatype: Datatype): string => `TYPE_${datatype === 'BYTES' ? 'STRING' : datatype}`;

const configTensor = ({ name, datatype, shape }: TensorSpec) => ({
  name,
  data_type: configType(datatype),
  dims: [...shape],
});

/** `max_batch_size: 0`: every shape is whole, the first dimension is not taken as rows. */
export const modelConfig = (model: ServedModel): object => ({
  name: model.manifest.name,
  platform: platformOf(model),
  backend: model.manifest.platform === 'onnx' ? 'onnxruntime' : model.manifest.platform,
  version_policy: { specific: { versions: [model.manifest.version] } },
  max_batch_size: 0,
  input: model.manifest.signature.inputs.map(configTensor),
  output: model.manifest.signature.outputs.map(configTensor),
  instance_group: [{ name: model.manifest.engines.join(','), count: 1, kind: 'KIND_CPU' }],
  parameters: { description: { string_value: model.manifest.description } },
});

export const modelStatistics = (
  models: readonly ServedModel[],
): {
  readonly model_stats: readonly (InferenceStatistics & { readonly name: string; readonly version: string })[];
} => ({
  model_stats: models.map(({ manifest, meter }) => ({
    name: manifest.name,
    version: manifest.version,
    batch_stats: [],
    ...meter.statistics(),
    memory_usage: [],
  })),
});

export const repositoryEntry = (model: ServedModel): RepositoryEntry => ({
  name: model.manifest.name,
  version: model.manifest.version,
  ...model.state(),
});
