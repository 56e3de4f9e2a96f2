/** Turns what zod found into the one fault that is reported: its code, its path and its sentence. */
import type { z } from 'zod';
import { ProtocolError, type ProtocolErrorCode } from './errors.ts';

type Issue = z.core.$ZodIssue;

/** Beyond ±(2^53-1) an integer is no longer the one that was sent. */
const isUnsafeInteger = (issue: Issue): boolean =>
  (issue.code === 'too_big' && issue.origin === 'int' && issue.maximum === Number.MAX_SAFE_INTEGER) ||
  (issue.code === 'too_small' && issue.origin === 'int' && issue.minimum === Number.MIN_SAFE_INTEGER);

/** zod marks a number that is none by `received: 'NaN' | 'Infinity'`, inside each branch of a union too. */
const isNumericFault = (issue: Issue): boolean => {
  if (issue.code === 'invalid_union') return issue.errors.some((branch) => branch.some(isNumericFault));
  return isUnsafeInteger(issue) || (issue.code === 'invalid_type' && 'received' in issue);
};

const codeOf = (issue: Issue | undefined): ProtocolErrorCode => {
  if (issue === undefined) return 'SCHEMA_INVALID';
  if (issue.code === 'too_big' && issue.origin === 'array' && issue.path.join('.') === 'records') {
    return 'BATCH_TOO_LONG';
  }
  return isNumericFault(issue) ? 'NUMBER_NOT_FINITE' : 'SCHEMA_INVALID';
};

/** Names the first fault of a schema check with its path; `at` is where the checked value stands in the payload. */
export const schemaFault = (error: z.ZodError, what: string, at: readonly PropertyKey[] = []): ProtocolError => {
  const issue = error.issues[0];
  const path = [...at, ...(issue?.path ?? [])].map(String).join('.');
  return new ProtocolError(codeOf(issue), `Invalid ${what} at ${path || '(root)'}: ${issue?.message ?? 'unknown'}.`);
};
