/** Whether a record that came again says what it said before: order of keys aside, everything must be equal. */
import { isDeepStrictEqual } from 'node:util';
import type { AnyRecord } from '@shoal/protocol';
import { RECORD_KINDS } from '@shoal/protocol/vocabulary';
import { parseShape, readRecord } from '../../../ports/packed-records/record-body.ts';

/** As it stands in a packed append. */
export interface IncomingRecord {
  readonly kind: number;
  readonly sequence: number;
  readonly observedAt: number;
  readonly eventAt: number;
  readonly shape: string | null;
  readonly body: Uint8Array;
}

interface StoredRow {
  readonly kind: number;
  readonly event_at: number;
  readonly observed_at: number | null;
  readonly shape: string | null;
  readonly body: Uint8Array;
}

const recordOf = (incoming: Omit<IncomingRecord, 'eventAt'>): AnyRecord =>
  readRecord(RECORD_KINDS[incoming.kind] ?? 'readings', {
    sequence: incoming.sequence,
    observedAt: incoming.observedAt,
    shape: incoming.shape === null ? undefined : parseShape(incoming.shape),
    body: incoming.body,
  });

export const isSameRecord = (incoming: IncomingRecord, stored: StoredRow): boolean => {
  if (incoming.kind !== stored.kind) return false;
  if (incoming.observedAt !== (stored.observed_at ?? stored.event_at)) return false;
  const bodies = Buffer.compare(incoming.body, stored.body) === 0;
  if (bodies && incoming.shape === stored.shape) return true;
  const { sequence, observedAt } = incoming;
  return isDeepStrictEqual(recordOf(incoming), recordOf({ ...stored, sequence, observedAt }));
};

export const incomingJson = (incoming: IncomingRecord): string => JSON.stringify(recordOf(incoming));
