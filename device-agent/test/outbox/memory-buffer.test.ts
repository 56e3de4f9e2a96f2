import { describe, expect, it } from '@jest/globals';
import { PRIORITY_CLASSES, type PriorityClass } from '@shoal/protocol';
import fc from 'fast-check';
import { mergeDrops, NO_DROPS, totalDrops } from '../../src/outbox/drop-counts.ts';
import { MemoryBuffer } from '../../src/outbox/memory-buffer.ts';
import type { RecordToStore } from '../../src/outbox/outbox-messages.ts';

const record = (priority: PriorityClass, sizeBytes = 10): RecordToStore => ({
  priority,
  kind: 'readings',
  createdAt: 0,
  body: '{}',
  sizeBytes,
});

describe('the memory buffer', () => {
  it('gives up the oldest of the lowest class when it is full', () => {
    const buffer = new MemoryBuffer({ maxRecords: 2, maxBytes: 1_000 });
    buffer.add(record('reading'));
    buffer.add(record('alarm'));
    expect(buffer.add(record('prediction'))).toEqual({ reading: { memory: 1 } });
    expect(buffer.take(9).map(({ priority }) => priority)).toEqual(['alarm', 'prediction']);
  });

  it('keeps order when refused records come back', () => {
    const buffer = new MemoryBuffer({ maxRecords: 9, maxBytes: 1_000 });
    buffer.add(record('reading', 1));
    buffer.add(record('reading', 2));
    const taken = buffer.take(1);
    buffer.putBack(taken);
    expect(buffer.take(9).map(({ sizeBytes }) => sizeBytes)).toEqual([1, 2]);
  });

  it('keeps both bounds and exact counts', () => {
    const added = fc.array(fc.tuple(fc.constantFrom(...PRIORITY_CLASSES), fc.integer({ min: 1, max: 100 })));
    fc.assert(
      fc.property(added, (items) => {
        const buffer = new MemoryBuffer({ maxRecords: 10, maxBytes: 300 });
        let dropped = NO_DROPS;
        for (const [priority, sizeBytes] of items)
          dropped = mergeDrops(dropped, buffer.add(record(priority, sizeBytes)));
        const left = buffer.take(1_000);
        expect(left.length + totalDrops(dropped)).toBe(items.length);
        expect(left.length).toBeLessThanOrEqual(10);
        expect(left.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBeLessThanOrEqual(300);
      }),
    );
  });
});
