/** Faults as gRPC statuses: the status of HTTP says of what kind they are, our code travels beside it. */
import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { ERROR_CODE_HEADER, namedFault } from '@shoal/models';

const BY_HTTP: Readonly<Record<number, status>> = {
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  409: status.FAILED_PRECONDITION,
  413: status.RESOURCE_EXHAUSTED,
  429: status.RESOURCE_EXHAUSTED,
  500: status.INTERNAL,
  501: status.UNIMPLEMENTED,
  503: status.UNAVAILABLE,
  504: status.DEADLINE_EXCEEDED,
};

/** How gRPC calls the wait before another attempt (gRFC A6). */
const PUSHBACK = 'grpc-retry-pushback-ms';

/** Anything thrown while a call was served. */
export const grpcFault = (error: unknown): Pick<ServiceError, 'code' | 'details' | 'metadata'> => {
  const { code, status: http, message, retryAfterMs } = namedFault(error);
  const metadata = new Metadata();
  metadata.set(ERROR_CODE_HEADER, code);
  if (http === 429) metadata.set(PUSHBACK, String(Math.max(1, Math.ceil(retryAfterMs ?? 0))));
  return {
    code: code === 'INFERENCE_CANCELED' ? status.CANCELLED : (BY_HTTP[http] ?? status.INVALID_ARGUMENT),
    details: message,
    metadata,
  };
};
