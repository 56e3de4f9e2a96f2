/** The hash chain of the audit trail: an altered, removed or reordered entry no longer follows from the one before. */
import { createHash } from 'node:crypto';

/** What an entry says, exactly as it is stored: the states are the JSON text of the row. */
export interface ChainedEntry {
  readonly id: number;
  readonly at: number;
  readonly principal: string;
  readonly from: string | null;
  readonly action: string;
  readonly subject: string;
  readonly before: string | null;
  readonly after: string | null;
}

export const FIRST_HASH = '0'.repeat(64);

/** sha256, hex, over the previous entry's hash and the entry as a JSON array in fixed order: one text per content. */
export const chainHash = (previousHash: string, entry: ChainedEntry): string =>
  createHash('sha256')
    .update(
      JSON.stringify([
        previousHash,
        entry.id,
        entry.at,
        entry.principal,
        entry.from,
        entry.action,
        entry.subject,
        entry.before,
        entry.after,
      ]),
    )
    .digest('hex');

export type ChainVerdict =
  | { readonly ok: true; readonly entries: number; readonly hash: string }
  | { readonly ok: false; readonly brokenAt: number; readonly why: string };

export interface ChainPosition {
  readonly lastId: number;
  readonly hash: string;
}

export const CHAIN_START: ChainPosition = { lastId: 0, hash: FIRST_HASH };

/** Checks entries that should follow `from`, in order of id; ids are consecutive, so a removed entry shows. */
export const verifyEntries = (
  from: ChainPosition,
  entries: readonly (ChainedEntry & { readonly hash: string })[],
): { readonly position: ChainPosition; readonly broken: ChainVerdict | undefined } => {
  let position = from;
  for (const entry of entries) {
    if (entry.id !== position.lastId + 1) {
      const why = `entry ${position.lastId + 1} is missing`;
      return { position, broken: { ok: false, brokenAt: position.lastId + 1, why } };
    }
    if (chainHash(position.hash, entry) !== entry.hash) {
      const why = `entry ${entry.id} does not hash to what it says`;
      return { position, broken: { ok: false, brokenAt: entry.id, why } };
    }
    position = { lastId: entry.id, hash: entry.hash };
  }
  return { position, broken: undefined };
};
