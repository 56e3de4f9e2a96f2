/** What went wrong in a step of an update, as its report names it. */
import { isModelError } from '@shoal/models';
import { isAgentError, sentenceOf } from '../errors.ts';
import type { Cause } from './update-record.ts';

export interface Fault {
  readonly cause: Cause;
  readonly retryable: boolean;
}

const MOST_CODE = 64;
const MOST_MESSAGE = 512;

export const causeOf = (code: string, message: string): Cause => ({
  code: code.slice(0, MOST_CODE),
  message: message.slice(0, MOST_MESSAGE),
});

/** What the system calls it, as ENOSPC; undefined for anything else. */
export const systemCodeOf = (error: unknown): string | undefined =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  typeof error.code === 'string' &&
  /^E[A-Z0-9]+$/.test(error.code)
    ? error.code
    : undefined;

/** Own errors say themselves whether they pass; what the system says does, be it a full disk or one that fails; anything else is nothing that another try would mend. */
export const faultOf = (error: unknown): Fault => {
  if (isAgentError(error)) return { cause: causeOf(error.code, error.message), retryable: error.retryable };
  if (isModelError(error)) return { cause: causeOf(error.code, error.message), retryable: false };
  const code = systemCodeOf(error);
  if (code !== undefined)
    return {
      cause: causeOf(code === 'ENOSPC' ? 'UPDATE_NO_SPACE' : 'UPDATE_DISK_FAILED', sentenceOf(error)),
      retryable: true,
    };
  return { cause: causeOf('UPDATE_FAILED', sentenceOf(error)), retryable: false };
};
