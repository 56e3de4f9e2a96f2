/** The contract of the telemetry store on SQLite, and any order of deliveries against an oracle. */
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import type { IncomingBatch } from '../../../../src/ports/telemetry-store.ts';
import { batchOf, event, prediction, reading } from '../../../telemetry-records.ts';
import { telemetryStoreContract } from '../../../telemetry-store.contract.ts';
import { openStore } from './store-under-test.ts';

// Threads and servers start slowly on a machine that runs every suite at once.
jest.setTimeout(60_000);

telemetryStoreContract(() => openStore());

const NOW = Date.UTC(2026, 4, 20, 12);

/** A record of one device: what it is made of decides its content. */
interface Delivery {
  readonly sequence: number;
  readonly kind: 'readings' | 'predictions' | 'events';
  readonly variant: number;
}

const delivery: fc.Arbitrary<Delivery> = fc.record({
  sequence: fc.integer({ min: 1, max: 12 }),
  kind: fc.constantFrom('readings', 'predictions', 'events'),
  variant: fc.integer({ min: 0, max: 1 }),
});

const batchFor = ({ sequence, kind, variant }: Delivery, run: number): IncomingBatch => {
  const at = NOW + sequence;
  const make = {
    readings: () => reading(sequence, at, { a: variant }),
    predictions: () => prediction(sequence, at, variant),
    events: () => event(sequence, at, variant === 0 ? 'info' : 'error'),
  };
  return batchOf(kind, [make[kind]()], { deviceId: `pump-${run}`, receivedAt: at + 40 });
};

describe('any order of deliveries', () => {
  it('leaves what an oracle of first content leaves', async () => {
    const subject = await openStore();
    let run = 0;
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(delivery, { maxLength: 8 }), { maxLength: 8 }), async (commits) => {
          run += 1;
          const oracle = new Map<number, string>();
          for (const commit of commits) {
            const expected = { duplicates: 0, conflicts: 0, stored: 0 };
            for (const { sequence, kind, variant } of commit) {
              const content = `${kind}/${variant}`;
              const held = oracle.get(sequence);
              if (held === undefined) expected.stored += 1;
              else if (held === content) expected.duplicates += 1;
              else expected.conflicts += 1;
              if (held === undefined) oracle.set(sequence, content);
            }
            const result = await subject.store.append(
              commit.map((one) => batchFor(one, run)),
              [],
            );
            const stored = result.appended.reduce((count, batch) => count + batch.records.length, 0);
            expect({ duplicates: result.duplicates, conflicts: result.conflicts, stored }).toEqual(expected);
          }
          const { epochs } = await subject.store.ranges(`pump-${run}`);
          expect(epochs[0]?.count ?? 0).toBe(oracle.size);
        }),
        { numRuns: 60 },
      );
    } finally {
      await subject.remove();
    }
  });
});
