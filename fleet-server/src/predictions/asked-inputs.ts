/** From what a caller sends to the inference request that is stored: checked against the model before there is a ticket. */
import { checkInputs, isTabular, ModelError, predictInputs, type ServedModel } from '@shoal/models';
import {
  BOUNDS,
  decodeInferRequest,
  encodeInferRequest,
  tensorsByName,
  type InferRequest,
  type NamedTensor,
  type PredictionSubmit,
  type Tensors,
} from '@shoal/protocol';
import { FleetError } from '../errors.ts';

/** As for /predict: reading more would hold the event loop. */
const MAX_ASKED_BYTES = 131_072;
const PLAIN = { binary: false, nonFinite: 'refuse' } as const;
/** JSON numbers have lost digits by now. */
const WIDE: ReadonlySet<string> = new Set(['INT64', 'UINT64']);

export type Asked = Pick<PredictionSubmit, 'entity' | 'inputs' | 'features'>;

export interface AskedInputs {
  /** JSON of the Open Inference Protocol. */
  readonly bytes: Uint8Array;
  /** The entity alone decides the answer. */
  readonly isShareable: boolean;
}

/**
 * @throws FleetError PREDICTION_INVALID | PREDICTION_INPUT_TOO_LARGE; ModelError ENTITY_UNSUPPORTED | MODEL_NOT_TABULAR | INPUT_* |
 *   REQUEST_INVALID; ProtocolError of tensors
 */
export const askedInputs = (asked: Asked, model: ServedModel): AskedInputs => {
  const { entity, inputs, features } = asked;
  if (inputs !== undefined && features !== undefined) throw invalid('Send inputs or features, not both.');
  if (entity === undefined && inputs === undefined && features === undefined) {
    throw invalid('Send an entity, inputs or features to predict from.');
  }
  const { name } = model.manifest;
  const looksUp = entity !== undefined && model.complete !== undefined;
  if (!looksUp && inputs === undefined && features === undefined) {
    throw new ModelError('ENTITY_UNSUPPORTED', `${name} looks no entity up here; send its inputs`);
  }
  const tensors = inputs === undefined ? featureTensors(asked, model) : inputTensors(inputs);
  if (!looksUp) checkInputs(tensorsByName(tensors), model.manifest.signature, BOUNDS.inferenceBytes);
  const request: InferRequest = { ...(looksUp && { parameters: { entity } }), inputs: tensors };
  return { bytes: bounded(encodeInferRequest(request, () => PLAIN).body), isShareable: tensors.length === 0 };
};

const featureTensors = ({ entity, features }: Asked, model: ServedModel): NamedTensor[] => {
  if (features === undefined) return [];
  const [spec] = model.manifest.signature.inputs;
  if (spec === undefined || (Array.isArray(features) && !isTabular(model))) {
    throw new ModelError('MODEL_NOT_TABULAR', `${model.manifest.name} does not take one FP32 tensor; send inputs`);
  }
  return named(predictInputs({ features, entity }, spec));
};

const inputTensors = (inputs: NonNullable<Asked['inputs']>): readonly NamedTensor[] => {
  for (const { name, datatype, data } of inputs) {
    if (!WIDE.has(datatype) || !Array.isArray(data)) continue;
    if (data.flat(Infinity).some((value) => !Number.isSafeInteger(value))) {
      throw invalid(`Input ${name} has integers beyond 2^53; ask for them on /v2.`);
    }
  }
  return decodeInferRequest(bounded(Buffer.from(JSON.stringify({ inputs }), 'utf8'))).inputs;
};

const named = (tensors: Tensors): NamedTensor[] =>
  Object.entries(tensors).map(([name, tensor]) => ({ name, ...tensor }));

const bounded = (bytes: Uint8Array): Uint8Array => {
  if (bytes.byteLength <= MAX_ASKED_BYTES) return bytes;
  throw new FleetError(
    'PREDICTION_INPUT_TOO_LARGE',
    `The inputs take ${bytes.byteLength} bytes, a ticket holds ${MAX_ASKED_BYTES}; send fewer rows, or use /v2.`,
  );
};

const invalid = (message: string): FleetError => new FleetError('PREDICTION_INVALID', message);
