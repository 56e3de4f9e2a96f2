/** Optimistic concurrency over HTTP: revisions as strong entity tags (RFC 9110 8.8.3, 13.1.1). */
import { FleetError } from '../errors.ts';

export const etagOf = (revision: number): string => `"${revision}"`;

/** Does nothing without a header; `*` matches whatever exists; a list matches when one of its tags does. */
export const matchesRevision = (ifMatch: string | undefined, revision: number): boolean => {
  if (ifMatch === undefined) return true;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  return tags.includes('*') || tags.includes(etagOf(revision));
};

/** @throws FleetError REVISION_STALE */
export const requireRevision = (ifMatch: string | undefined, revision: number, what: string): void => {
  if (matchesRevision(ifMatch, revision)) return;
  throw new FleetError(
    'REVISION_STALE',
    `${what} is at revision ${revision}, If-Match says ${ifMatch?.slice(0, 80)}. Read it again and repeat the change.`,
  );
};
