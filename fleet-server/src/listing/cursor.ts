/** Opaque cursors of lists: the key of the last item, so that a page starts where the one before ended, whatever was added. */
import { FleetError } from '../errors.ts';

export type CursorKey = readonly (string | number)[];

export const encodeCursor = (key: CursorKey): string => Buffer.from(JSON.stringify(key), 'utf8').toString('base64url');

const parse = (cursor: string): unknown => {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
};

/**
 * `shape` says the type of each part of the key, in order.
 * @throws FleetError CURSOR_INVALID
 */
export const decodeCursor = (cursor: string, shape: readonly ('string' | 'number')[]): CursorKey => {
  const key = parse(cursor);
  const fits =
    Array.isArray(key) &&
    key.length === shape.length &&
    key.every(
      (part, index) => typeof part === shape[index] && (typeof part === 'string' || Number.isSafeInteger(part)),
    );
  if (fits) return key as CursorKey;
  throw new FleetError('CURSOR_INVALID', 'This cursor was not handed out by this list; start again without a cursor.');
};
