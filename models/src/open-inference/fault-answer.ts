/** Faults as HTTP answers: Triton's status for each kind, a body that strict clients read, our code in a header. */
import { ProtocolError, type ProtocolErrorCode } from '@shoal/protocol/wire';
import { asModelError, isModelError, type ModelErrorCode } from '../errors.ts';
import { jsonAnswer, type OpenInferenceAnswer } from './exchange.ts';

/** Carries the code of the catalogue; the body has the sentence alone. */
export const ERROR_CODE_HEADER = 'shoal-error-code';

const BY_CODE: Partial<Readonly<Record<ModelErrorCode, number>>> = {
  MODEL_NOT_FOUND: 404,
  ROUTE_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TOO_LARGE: 413,
  CONTENT_ENCODING_UNSUPPORTED: 415,
  REPOSITORY_FIXED: 501,
  REQUEST_INVALID: 400,
  OUTPUT_UNKNOWN: 400,
  MODEL_NOT_TABULAR: 400,
  ENTITY_UNSUPPORTED: 400,
  EXPLANATION_UNSUPPORTED: 400,
  SCHEDULE_INVALID: 400,
  INFERENCE_CANCELED: 400,
  INPUT_TOO_LARGE: 413,
  INPUT_BREAKS_MODEL: 422,
  OUTPUT_NOT_FINITE: 422,
  VERSION_UNKNOWN: 404,
  VERSION_LABELED: 409,
  LABEL_CONFLICT: 409,
  ENGINE_BUSY: 429,
  QUEUE_FULL: 429,
  VERSION_NOT_READY: 503,
  ENGINE_TIMEOUT: 504,
  DEADLINE_UNMEETABLE: 504,
  MODEL_CLOSED: 503,
  MODEL_QUARANTINED: 503,
  ENGINE_UNAVAILABLE: 503,
  ENGINE_CLOSED: 503,
  ENGINE_CRASHED: 503,
  ENGINE_OUT_OF_MEMORY: 503,
  ENGINE_PROTOCOL_INVALID: 503,
};

/** What the bytes of a bundle or of a request are at fault for is the caller's to mend. */
const CALLERS = ['INPUT_', 'BUNDLE_', 'MODEL_LOAD_', 'MODEL_SIGNATURE_', 'GOLDEN_'];

const modelStatus = (code: ModelErrorCode): number =>
  BY_CODE[code] ?? (CALLERS.some((prefix) => code.startsWith(prefix)) ? 400 : 500);

const PROTOCOL_STATUS: Partial<Readonly<Record<ProtocolErrorCode, number>>> = {
  INFERENCE_TOO_LARGE: 413,
  TENSOR_NOT_FINITE: 422,
};

export interface FaultOptions {
  /** For a full queue whose fault does not say itself. */
  readonly retryAfterMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A fault of the host that serves the models, from its own catalogue. */
const isHostFault = (error: unknown): error is Error & { readonly code: string; readonly status: number } =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  'status' in error &&
  typeof error.status === 'number';

export interface NamedFault {
  readonly code: string;
  /** Of HTTP. */
  readonly status: number;
  readonly message: string;
  readonly retryable: boolean;
  /** Where it is known when trying again makes sense. */
  readonly retryAfterMs: number | undefined;
}

/** Anything thrown while a request was served; what has no code is INTERNAL, 500. */
export const namedFault = (error: unknown): NamedFault => {
  const { message, retryAfterMs } = asModelError(error, 'MODEL_RUN_FAILED');
  const retryable = error instanceof Error && 'retryable' in error && error.retryable === true;
  if (error instanceof ProtocolError)
    return { code: error.code, status: PROTOCOL_STATUS[error.code] ?? 400, message, retryable, retryAfterMs };
  if (isModelError(error))
    return { code: error.code, status: modelStatus(error.code), message, retryable, retryAfterMs };
  if (isHostFault(error)) return { code: error.code, status: error.status, message, retryable, retryAfterMs };
  return { code: 'INTERNAL', status: 500, message, retryable, retryAfterMs };
};

/** `namedFault` over HTTP. */
export const faultAnswer = (error: unknown, options: FaultOptions = {}): OpenInferenceAnswer => {
  const { code, status, message, retryAfterMs = options.retryAfterMs ?? 0 } = namedFault(error);
  return jsonAnswer({ error: message }, status, {
    ...options.headers,
    [ERROR_CODE_HEADER]: code,
    ...(status === 429 && { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) }),
  });
};
