/** `POST /predict`: what people who come from a Flask sample send, for models of one FP32 input. */
import {
  entityIdSchema,
  featureValueSchema,
  float16ToNumber,
  isEntityId,
  jsonDepthExceeds,
  ProtocolError,
  type FeatureValue,
  type NamedTensor,
  type Tensor,
  type Tensors,
  type TensorSpec,
} from '@shoal/protocol/wire';
import { z } from 'zod';
import { ModelError } from '../errors.ts';
import { jsonAnswer, type OpenInferenceAnswer, type OpenInferenceRequest } from './exchange.ts';
import { completed, inferOptions, runModel, sinceArrival } from './infer-call.ts';
import type { CompletedInputs, ModelRepository, ServedModel } from './model-repository.port.ts';

const rowSchema = z.array(z.number());
const namedSchema = z.record(z.string().min(1).max(200), featureValueSchema);
const predictSchema = z.strictObject({
  /** One row, or several of equal length; with an entity also single features by name, which outweigh what is known of it. */
  features: z.union([rowSchema.min(1), z.array(rowSchema).min(1), namedSchema]).optional(),
  entity: entityIdSchema.optional(),
  model: z.string().min(1).optional(),
  version: z.string().min(1).optional(),
});
type Predict = z.infer<typeof predictSchema>;

/** What nearly everybody sends, judged without the schema: one row of numbers and nothing else. */
const isLoneRow = (value: unknown): value is { features: number[] } => {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'features')) return false;
  const { features } = value as { readonly features: unknown };
  if (!Array.isArray(features) || features.length === 0 || Object.keys(value).length > 1) return false;
  return features.every((feature) => Number.isFinite(feature));
};

/** An entity and nothing else; what is no id is left to the schema to name. */
const isLoneEntity = (value: unknown): value is { entity: string } => {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'entity')) return false;
  return Object.keys(value).length === 1 && isEntityId((value as { readonly entity: unknown }).entity);
};

/** Features, a list of rows, the document: what nests deeper is no prediction. */
const MAX_DEPTH = 4;
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Parsing more than this would hold the event loop; `/infer` reads on a thread. */
const MAX_BYTES = 131_072;

/** Throws REQUEST_TOO_LARGE, REQUEST_INVALID. */
const readPredict = (body: Uint8Array): Predict => {
  if (body.length > MAX_BYTES)
    throw new ModelError('REQUEST_TOO_LARGE', `/predict takes ${MAX_BYTES} bytes, not ${body.length}; use /infer`);
  if (jsonDepthExceeds(body, MAX_DEPTH)) throw new ModelError('REQUEST_INVALID', 'The body nests too deep');
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(body));
  } catch (cause) {
    throw new ModelError('REQUEST_INVALID', 'The body is not JSON in UTF-8', { cause });
  }
  if (isLoneRow(value) || isLoneEntity(value)) return value;
  const result = predictSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new ModelError(
    'REQUEST_INVALID',
    `Send {"features": [numbers]}, {"features": [[numbers], …]} or {"entity": "id"}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
  );
};

export const isTabular = ({ manifest }: ServedModel): boolean => {
  const { inputs } = manifest.signature;
  return inputs.length === 1 && inputs[0]?.datatype === 'FP32' && inputs[0].shape.length >= 1;
};

/** The named one; without a name the only one that fits. Throws MODEL_NOT_FOUND, MODEL_NOT_TABULAR. */
const chooseModel = (
  repository: ModelRepository,
  name: string | undefined,
  version: string | undefined,
): ServedModel => {
  const named = name === undefined ? undefined : repository.get(name, version);
  if (name !== undefined && named === undefined)
    throw new ModelError('MODEL_NOT_FOUND', `There is no model ${name}${version === undefined ? '' : ` ${version}`}`);
  if (named !== undefined && !isTabular(named))
    throw new ModelError('MODEL_NOT_TABULAR', `${named.manifest.name} does not take one FP32 tensor; use its /infer`);
  if (named !== undefined) return named;
  const fitting = repository.list().filter(isTabular);
  const [first] = fitting;
  if (first === undefined) throw new ModelError('MODEL_NOT_FOUND', 'No model here takes one FP32 tensor');
  const others = fitting.filter(({ manifest }) => manifest.name !== first.manifest.name);
  if (others.length > 0)
    throw new ModelError('REQUEST_INVALID', `Several models fit; name one with ?model=${first.manifest.name}`);
  return first;
};

/** Rows of `width` one behind the other. */
const gathered = (rows: readonly (readonly number[])[], width: number): Float32Array => {
  const data = new Float32Array(rows.length * width);
  let at = 0;
  for (const row of rows) for (const feature of row) data[at++] = feature;
  return data;
};

const inputTensor = (rows: readonly (readonly number[])[], { name, shape }: TensorSpec): Tensor => {
  const [width = 0] = rows.map((row) => row.length);
  const uneven = rows.find((row) => row.length !== width);
  if (uneven !== undefined)
    throw new ModelError('INPUT_SHAPE_INVALID', `Rows of ${width} and of ${uneven.length} features in one request`);
  const rest = shape.slice(1);
  const known = rest.filter((size) => size !== -1).reduce((product, size) => product * size, 1);
  const free = known === 0 ? 0 : width / known;
  const rowShape = rest.map((size) => (size === -1 ? free : size));
  if (rest.filter((size) => size === -1).length > 1 || rowShape.reduce((product, size) => product * size, 1) !== width)
    throw new ModelError('INPUT_SHAPE_INVALID', `${width} features do not fill a row of ${name} [${rest.join()}]`);
  return { datatype: 'FP32', shape: [rows.length, ...rowShape], data: gathered(rows, width) };
};

type Cell = number | string | boolean;

/** As in JSON answers of `/infer`: no NaN. 64-bit integers beyond 2^53 are text. Throws TENSOR_NOT_FINITE. */
export const tensorCells = ({ name, datatype, data }: NamedTensor): Cell[] =>
  Array.from<number | bigint | Uint8Array, Cell>(data, (value, index) => {
    if (value instanceof Uint8Array) return new TextDecoder().decode(value);
    if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
    if (datatype === 'BOOL') return value === 1;
    const number = datatype === 'FP16' ? float16ToNumber(value) : value;
    if (Number.isFinite(number)) return number;
    throw new ProtocolError('TENSOR_NOT_FINITE', `Tensor "${name}"[${index}] is ${number}; ask through /infer for it`);
  });

/** An entry a row: the element itself where there is one, else the list of them. */
const predictionOf = (tensor: NamedTensor, rows: number): (Cell | Cell[])[] => {
  const cells = tensorCells(tensor);
  const width = tensor.shape[0] === rows ? cells.length / rows : 0;
  if (!Number.isInteger(width) || width === 0) return cells;
  return width === 1 ? cells : Array.from({ length: rows }, (_, row) => cells.slice(row * width, (row + 1) * width));
};

/** Features by name as tensors of one element each. */
const namedTensors = (features: Readonly<Record<string, FeatureValue>>): Tensors =>
  Object.fromEntries(
    Object.entries(features).map(([name, value]): [string, Tensor] => {
      if (typeof value === 'number') return [name, { datatype: 'FP64', shape: [1], data: Float64Array.of(value) }];
      if (typeof value === 'boolean')
        return [name, { datatype: 'BOOL', shape: [1], data: Uint8Array.of(value ? 1 : 0) }];
      return [name, { datatype: 'BYTES', shape: [1], data: [new TextEncoder().encode(value)] }];
    }),
  );

/** The inputs that features and entity stand for. Throws ModelError. */
export const predictInputs = (
  { features, entity }: Pick<Predict, 'features' | 'entity'>,
  spec: TensorSpec,
): Tensors => {
  if (features === undefined && entity === undefined)
    throw new ModelError('REQUEST_INVALID', 'Send features, or an entity to look them up for');
  if (features === undefined) return {};
  if (!Array.isArray(features)) {
    if (entity !== undefined) return namedTensors(features);
    throw new ModelError('REQUEST_INVALID', 'Features by name belong to an entity; send {"entity": "id"} with them');
  }
  const rows = features.map((row) => (typeof row === 'number' ? features : row)) as number[][];
  return { [spec.name]: inputTensor(typeof features[0] === 'number' ? rows.slice(0, 1) : rows, spec) };
};

const judgedOutput = ({ signature, postProcessing }: ServedModel['manifest']): string => {
  if (postProcessing.kind === 'score') return postProcessing.scoreOutput;
  return postProcessing.kind === 'classes' ? postProcessing.probabilitiesOutput : (signature.outputs[0]?.name ?? '');
};

/** What the outputs of a run predict, an entry a row; of the judged output, or of the first one. Throws as `answerPredict`. */
export const judgedPrediction = (manifest: ServedModel['manifest'], outputs: Tensors, rows: number): unknown[] => {
  const judged = judgedOutput(manifest);
  const output = outputs[judged];
  if (output === undefined) throw new ModelError('OUTPUT_MISMATCH', `${manifest.name} gave no ${judged}`);
  return predictionOf({ name: judged, ...output }, rows);
};

/** Rejects with ModelError, and with what the host rejects with. `prediction` is of the judged output, or of the first one. */
export const answerPredict = async (
  request: OpenInferenceRequest,
  repository: ModelRepository,
  deadlineMs: number,
): Promise<OpenInferenceAnswer> => {
  const asked = readPredict(request.body);
  const name = asked.model ?? request.query.get('model') ?? undefined;
  const version = asked.version ?? request.query.get('version') ?? undefined;
  const model = chooseModel(repository, name, version);
  const { manifest } = model;
  const [spec] = manifest.signature.inputs;
  if (spec === undefined) throw new ModelError('MODEL_NOT_TABULAR', `${manifest.name} takes no tensor`);
  const given = predictInputs(asked, spec);
  const { entity } = asked;
  const found = entity === undefined ? { inputs: given } : completed(model, given, entity);
  // A turn of the microtasks is worth saving where everything is at hand.
  const { inputs, parameters: known }: CompletedInputs = found instanceof Promise ? await found : found;
  const options = sinceArrival(inferOptions({}, deadlineMs, request.signal), request.arrivedAt);
  const { outputs, parameters: said } = await runModel(model, inputs, options);
  return jsonAnswer({
    prediction: judgedPrediction(manifest, outputs, inputs[spec.name]?.shape[0] ?? 1),
    model: manifest.name,
    version: manifest.version,
    ...((said ?? known) !== undefined && { parameters: { ...said, ...known } }),
  });
};
