/** What a request that does not match its schema is answered with: every fault with its path. */
import { FleetError } from './errors.ts';

interface SchemaIssue {
  readonly message: string;
  /** As in Standard Schema: keys, or objects that hold one. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export const requestFault = (issues: readonly SchemaIssue[]): FleetError => {
  const faults = issues.slice(0, 20).map((issue) => ({ path: pathOf(issue), message: issue.message }));
  const summary = faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ');
  return new FleetError('REQUEST_INVALID', `The request does not match its schema: ${summary}.`, { faults });
};

const pathOf = (issue: SchemaIssue): string =>
  (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.') || '(root)';
