/** The catalogue of what can go wrong with a bundle, a feature view or an engine. */

interface ErrorEntry {
  readonly description: string;
  /** Whether the same call can succeed later without anybody changing the bundle or the input. */
  readonly retryable: boolean;
}

const once = (description: string): ErrorEntry => ({ description, retryable: false });
const again = (description: string): ErrorEntry => ({ description, retryable: true });

const CATALOGUE = {
  BUNDLE_MISSING: once('No bundle in that folder: manifest.json cannot be read. Check the path or download it again.'),
  BUNDLE_MANIFEST_INVALID: once('The manifest does not match its schema or contradicts itself. Pack the bundle again.'),
  BUNDLE_FILE_MISSING: once(
    'A file the manifest lists is not there or is not a regular file. Download the bundle again.',
  ),
  BUNDLE_DIGEST_MISMATCH: once(
    'A file whose length or sha256 is not what the manifest says. Download the bundle again.',
  ),
  BUNDLE_CONTENT_INVALID: once(
    'Golden vectors or reference sketches that do not match their schema. Pack the bundle again.',
  ),
  BUNDLE_UNSIGNED: once('The policy requires a signature and the bundle has none. Sign it or allow unsigned bundles.'),
  BUNDLE_SIGNATURE_INVALID: once(
    'A signature that is malformed, by an unknown key, or not over this manifest. Sign again.',
  ),
  FEATURE_VIEW_MISMATCH: once('Features made by another view than the bundle pins. Evaluate the view of the bundle.'),
  FEATURE_VALUE_INVALID: once('A value of another datatype than its feature. Send a value of the declared type.'),
  ENTITY_VIEW_MISMATCH: once(
    'A bundle pins an entity view that is not defined here as it was when the model was trained. Define that version.',
  ),
  WINDOW_INCOMPLETE: once('A window lacks the values the view needs and its policy is to fail. Check the sensor.'),
  MODEL_NOT_WINDOWED: once('The model has no feature view: it is asked with tensors. Give it no sensor.'),
  WINDOW_SHAPE_INVALID: once(
    'A window with wrong bounds, samples outside of them, or values that are not finite numbers.',
  ),
  FEATURE_NOT_FINITE: once('A feature came out as NaN or infinite. Check the constants of the view against the input.'),
  INPUT_MISSING: once('The model declares an input that the request lacks. Send every input of the signature.'),
  INPUT_UNKNOWN: once('The request has an input the model does not declare. Send only inputs of the signature.'),
  INPUT_DATATYPE_INVALID: once('An input with another datatype than the signature says, or data of another type.'),
  INPUT_SHAPE_INVALID: once('An input whose shape does not match the signature or its data. Correct the shape.'),
  INPUT_NOT_FINITE: once('An input holds NaN or infinity and the manifest refuses it. Clean the input first.'),
  INPUT_TOO_LARGE: once('The inputs of one request exceed the byte bound. Send smaller batches.'),
  OUTPUT_NOT_FINITE: once(
    'The model answered NaN or infinity and the manifest refuses it. The input may be far outside.',
  ),
  OUTPUT_MISMATCH: once('The model answered other outputs than its manifest declares. Pack the bundle again.'),
  OUTPUT_TOO_LARGE: once('The model answered far more than its signature and the request let expect. Do not use it.'),
  GOLDEN_MISMATCH: once(
    'The engine does not reproduce the golden vectors of the bundle. Do not use this engine for it.',
  ),
  MODEL_MALFORMED: once('The bytes of the model file are no ONNX model. Export or download it again.'),
  MODEL_GATE_REFUSED: once(
    'The static gate refuses what the model file declares; the message names it. Export it otherwise or allow it in gate.allow.',
  ),
  MODEL_TOO_LARGE: once('The model file declares more memory than its manifest allows. Raise resources.memoryMb.'),
  MODEL_LOAD_FAILED: once('The engine refuses the model file. Check that it is a model of the declared platform.'),
  MODEL_SIGNATURE_MISMATCH: once(
    'Inputs or outputs of the model file differ from the manifest. Pack the bundle again.',
  ),
  MODEL_RUN_FAILED: once('The engine failed while running the model on this input.'),
  INPUT_BREAKS_MODEL: once(
    'This input alone, twice, hangs or kills the engine while golden vectors pass. Drop the input.',
  ),
  MODEL_CLOSED: once('The model handle was closed. Load the bundle again.'),
  MODEL_QUARANTINED: again('The model breaks this engine even on its golden vectors and rests for a while. Roll back.'),
  ENGINE_TIMEOUT: again('The model did not answer within the deadline or the hard limit.'),
  ENGINE_CRASHED: again('The engine process died while it ran this model; it is started again.'),
  ENGINE_OUT_OF_MEMORY: again(
    'The model needs more memory than it declares and was stopped. Raise resources.memoryMb.',
  ),
  ENGINE_UNAVAILABLE: again('No allowed engine works here at the moment; the reason is in the state of the model.'),
  ENGINE_BUSY: again('The queue of the engine is full. Send less or later.'),
  QUEUE_FULL: again(
    'More rows wait for the model than its queue may hold. Send again after retryAfterMs, or send less.',
  ),
  DEADLINE_UNMEETABLE: again(
    'The answer would come after the deadline, so the model was not run for it. Allow more time or send less.',
  ),
  VERSION_UNKNOWN: once('The model has no such version or label. Ask for one that the repository index names.'),
  VERSION_NOT_READY: again(
    'That version is known but cannot answer now; the message says why. Wait or ask another one.',
  ),
  VERSION_LABELED: once('A label points to that version. Move the label before the version is taken away.'),
  LABEL_CONFLICT: once('The label was moved meanwhile. Read where it points and decide again.'),
  ENGINE_CLOSED: once('The engine was closed. Create another one.'),
  ENGINE_PROTOCOL_INVALID: again('The engine process answered something that is not an answer; it is started again.'),
  INPUT_BYTES_NOT_UTF8: once(
    'A BYTES input that is not UTF-8 text, which the runtime cannot hold; the message has tensor and index.',
  ),
  OUTPUT_UNKNOWN: once('The request asks for an output the model does not declare. Ask for outputs of the signature.'),
  MODEL_NOT_FOUND: once('No model of that name or version is served here. The repository index lists them.'),
  MODEL_NOT_TABULAR: once(
    'A model without one FP32 input, which /predict needs. Ask it through /v2/models/{name}/infer.',
  ),
  ENTITY_UNSUPPORTED: once(
    'A request that names an entity, and a model that pins no view of entities or one input for it. Send the inputs.',
  ),
  EXPLANATION_UNSUPPORTED: once(
    'An explanation of a model that does not give one score for one row of FP32 features. Ask without `explain`.',
  ),
  ROUTE_NOT_FOUND: once('A path that the Open Inference Protocol does not have. Compare with its documentation.'),
  METHOD_NOT_ALLOWED: once('The path is there and does not take this method. The Allow header has those it takes.'),
  REQUEST_INVALID: once('A request whose path, parameters or body are not as the protocol has them.'),
  REQUEST_TOO_LARGE: once('A request body over the bound of this host. Send fewer rows, or binary tensors.'),
  CONTENT_ENCODING_UNSUPPORTED: once('A compressed request body, which is not read here. Send it plain.'),
  REPOSITORY_FIXED: once('Models cannot be loaded or unloaded through this host; its configuration names them.'),
  SCHEDULE_INVALID: once(
    'A schedule whose cron expression, zone or blackout cannot be, or that is never due. Correct what the message names.',
  ),
  INFERENCE_CANCELED: once('The caller withdrew the request.'),
} as const satisfies Record<string, ErrorEntry>;

export type ModelErrorCode = keyof typeof CATALOGUE;

/** What each code means, with the remedy. */
export const MODEL_ERRORS: Readonly<Record<ModelErrorCode, string>> = Object.freeze(
  Object.fromEntries(Object.entries(CATALOGUE).map(([code, entry]) => [code, entry.description])) as Record<
    ModelErrorCode,
    string
  >,
);

export const isModelErrorCode = (value: unknown): value is ModelErrorCode =>
  typeof value === 'string' && Object.hasOwn(CATALOGUE, value);

export interface ModelErrorOptions extends ErrorOptions {
  /** Milliseconds after which trying again makes sense, where that is known. */
  readonly retryAfterMs?: number;
}

/** Thrown by everything in this package. `message` names the thing and the remedy; match on `code`, never on text. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly code: ModelErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  constructor(code: ModelErrorCode, message: string, options?: ModelErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryAfterMs = options?.retryAfterMs;
    this.retryable = CATALOGUE[code].retryable;
  }
}

export const isModelError = (error: unknown): error is ModelError => error instanceof ModelError;

const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);

/** Anything thrown, as a `ModelError`; what is none becomes `code` with the original as its cause. */
export const asModelError = (error: unknown, code: ModelErrorCode): ModelError =>
  isModelError(error) ? error : new ModelError(code, messageOf(error), { cause: error });
