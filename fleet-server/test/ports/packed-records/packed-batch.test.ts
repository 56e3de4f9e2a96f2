/** What was packed for another thread is what was decoded. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AnyRecord, ClockVerdict, RecordKind } from '@shoal/protocol';
import { packRecords, recordsIn, type PackedRecords } from '../../../src/ports/packed-records/pack-records.ts';
import { PackedBatch } from '../../../src/ports/packed-records/packed-batch.ts';
import { PackedCursor } from '../../../src/ports/packed-records/packed-cursor.ts';
import type { IncomingBatch } from '../../../src/ports/telemetry-store.ts';
import { batchOf, event, prediction, reading } from '../../telemetry-records.ts';

const value = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null));
const records: Record<RecordKind, fc.Arbitrary<AnyRecord>> = {
  readings: fc
    .tuple(fc.nat(), fc.nat(), fc.dictionary(fc.constantFrom('a', 'b', 'ü'), value, { maxKeys: 3 }))
    .map(([sequence, at, values]) => reading(sequence, at, { ...values })),
  predictions: fc.tuple(fc.nat(), fc.nat()).map(([sequence, at]) => prediction(sequence, at)),
  events: fc.tuple(fc.nat(), fc.nat()).map(([sequence, at]) => event(sequence, at)),
};
const batches: fc.Arbitrary<IncomingBatch> = fc
  .constantFrom<RecordKind>('readings', 'predictions', 'events')
  .chain((kind) => fc.array(records[kind], { minLength: 1, maxLength: 20 }).map((of) => batchOf(kind, of)))
  .chain((batch) =>
    fc
      .array(fc.constantFrom<ClockVerdict>('good', 'adjusted', 'bad'), {
        minLength: batch.count,
        maxLength: batch.count,
      })
      .map((clock) => ({ ...batch, clock, lane: 'backlog' as const })),
  );

const packedOf = (
  { records: _records, eventAt: _eventAt, clock: _clock, ...head }: IncomingBatch,
  packed: PackedRecords,
) => new PackedBatch(head, packed);

/** -0 and 0 are the same number to JSON. */
const plain = (of: unknown): unknown => JSON.parse(JSON.stringify(of));

describe('a packed batch', () => {
  it('says what the decoded one says', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const packed = packedOf(batch, packRecords([batch]));
        const { deviceId, kind, epoch, class: priority, lane, receivedAt, count } = packed;
        // Verdicts first: they are told without the records, and with them.
        expect(packed.clock).toEqual(batch.clock);
        const { records: made, eventAt, clock } = packed;
        const whole = {
          deviceId,
          kind,
          epoch,
          class: priority,
          lane,
          receivedAt,
          count,
          records: made,
          eventAt,
          clock,
        };
        expect(plain(whole)).toEqual(plain(batch));
      }),
    );
  });

  it('is walked with others as if all had been packed together', () => {
    fc.assert(
      fc.property(fc.array(batches, { minLength: 1, maxLength: 4 }), (several) => {
        const together = seenIn([packRecords(several)]);
        expect(seenIn(several.map((batch) => packRecords([batch])))).toEqual(together);
        expect(together).toHaveLength(several.reduce((sum, { count }) => sum + count, 0));
      }),
    );
  });

  it('counts at least its records', () => {
    const batch = batchOf('readings', [reading(1, 1), reading(2, 2)]);
    expect(recordsIn([packRecords([batch]), packRecords([batch])])).toBeGreaterThanOrEqual(4);
  });
});

const seenIn = (parts: readonly PackedRecords[]): unknown[] => {
  const cursor = new PackedCursor(parts);
  const seen: unknown[] = [];
  while (cursor.nextBatch()) {
    while (cursor.nextRecord()) {
      const { deviceId, kind, index, sequence, eventAt, clock, shape, body } = cursor;
      seen.push({ deviceId, kind, index, sequence, eventAt, clock, shape, body: Buffer.from(body).toString('hex') });
    }
  }
  return seen;
};
