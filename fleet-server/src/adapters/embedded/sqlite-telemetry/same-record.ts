/** Whether a record that came again says what it said before, order of keys aside, and what is kept of one that does not. */
import { isDeepStrictEqual } from 'node:util';
import type { AnyRecord } from '@shoal/protocol';
import { RECORD_KINDS, topics } from '@shoal/protocol/vocabulary';
import type { PackedCursor } from '../../../ports/packed-records/packed-cursor.ts';
import { parseShape, readRecord } from '../../../ports/packed-records/record-body.ts';
import type { NewDeadLetter } from '../../../ports/telemetry-store.ts';

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

export const conflictLetter = (cursor: PackedCursor): NewDeadLetter => ({
  deviceId: cursor.deviceId,
  topic: topics.records(cursor.deviceId, RECORD_KINDS[cursor.kind] ?? 'readings'),
  receivedAt: cursor.receivedAt,
  reason: 'SEQUENCE_CONFLICT',
  detail: `Sequence ${cursor.sequence} of epoch ${cursor.epoch} was received before with other content.`,
  payload: Buffer.from(JSON.stringify(recordOf(cursor)), 'utf8'),
});
