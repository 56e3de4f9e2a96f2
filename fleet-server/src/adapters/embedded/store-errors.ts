/** Faults of a store's thread as errors of the catalogue. */
import { FLEET_ERRORS, FleetError, type FleetErrorCode } from '../../errors.ts';

/** A code of the catalogue crosses the thread boundary as it is, for example CURSOR_INVALID. */
export const asStoreError = (unavailable: FleetErrorCode, store: string, cause: unknown): FleetError => {
  const code = codeOf(cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  if (isFleetCode(code)) return new FleetError(code, message, { cause });
  return new FleetError(unavailable, `${store} cannot be used (${code}: ${message}).`, { cause });
};

export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';

const isFleetCode = (code: string): code is FleetErrorCode => Object.hasOwn(FLEET_ERRORS, code);
