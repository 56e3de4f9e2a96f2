import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PRIORITY_CLASSES } from '@shoal/protocol';
import fc from 'fast-check';
import { addDrops, mergeDrops, NO_DROPS, totalDrops } from '../../src/outbox/drop-counts.ts';
import type { DropCounts } from '../../src/outbox/outbox.port.ts';
import { eventually, withFolder } from '../fixtures/conditions.ts';
import { outboxIn, readAll, reading, withOutbox } from './fixtures/outbox-fixture.ts';

/** Timers that were due before it have run. */
const turnOfTimers = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

describe('the outbox', () => {
  it('numbers records from 1 in the order they were enqueued, and reads them back by class', async () => {
    await withFolder((folder) =>
      withOutbox(folder, async (outbox) => {
        for (let value = 1; value <= 5; value += 1) outbox.enqueue(reading(value, value === 3 ? 'debug' : 'reading'));
        await outbox.flush();
        const stored = await readAll(outbox);
        expect(stored.map(({ sequence }) => sequence)).toEqual([1, 2, 4, 5]);
        expect(JSON.parse(stored[2]?.body ?? '')).toMatchObject({ values: { Pressure: 4 } });
        expect(outbox.state()).toMatchObject({ lastCommittedSequence: 5, depth: 5, uncommitted: 0 });
        expect(outbox.state().depthByClass).toEqual({ alarm: 0, prediction: 0, reading: 4, debug: 1 });
      }),
    );
  });

  it('keeps epoch, records and the counter over a restart, also when every record was acknowledged', async () => {
    await withFolder(async (folder) => {
      let epoch = '';
      await withOutbox(folder, async (outbox) => {
        epoch = outbox.state().epoch;
        for (let value = 1; value <= 10; value += 1) outbox.enqueue(reading(value));
        await outbox.flush();
        outbox.acknowledge({ priority: 'reading', first: 1, last: 7, records: 7 });
      });
      await withOutbox(folder, async (outbox) => {
        expect(outbox.state()).toMatchObject({ epoch, lastCommittedSequence: 10, depth: 3 });
        outbox.acknowledge({ priority: 'reading', first: 8, last: 10, records: 3 });
        await outbox.flush();
        expect(outbox.state().depth).toBe(0);
      });
      await withOutbox(folder, async (outbox) => {
        outbox.enqueue(reading(11));
        await outbox.flush();
        expect((await readAll(outbox)).map(({ sequence }) => sequence)).toEqual([11]);
      });
    });
  });

  it('commits an alarm at once, and what came before it with it', async () => {
    await withFolder((folder) =>
      withOutbox(
        folder,
        async (outbox) => {
          outbox.enqueue(reading(1));
          expect(outbox.state().uncommitted).toBe(1);
          outbox.enqueue(reading(2, 'alarm'));
          await eventually(() => outbox.state().depth === 2);
          expect((await readAll(outbox, 'alarm')).map(({ sequence }) => sequence)).toEqual([2]);
        },
        { commitWindowMs: 60_000 },
      ),
    );
  });

  it('lets what comes while a commit runs wait for its own window', async () => {
    await withFolder((folder) =>
      withOutbox(
        folder,
        async (outbox) => {
          let commits = 0;
          outbox.listen({ committed: () => (commits += 1) });
          outbox.enqueue(reading(1, 'alarm'));
          await turnOfTimers();
          outbox.enqueue(reading(2));
          await eventually(() => commits === 1);
          await turnOfTimers();
          outbox.enqueue(reading(3, 'alarm'));
          await eventually(() => outbox.state().depth === 3);
          expect(commits).toBe(2);
        },
        { commitWindowMs: 60_000 },
      ),
    );
  });

  it('shows nothing before its commit', async () => {
    await withFolder((folder) =>
      withOutbox(
        folder,
        async (outbox) => {
          outbox.enqueue(reading(1));
          expect(await readAll(outbox)).toEqual([]);
          expect(outbox.state().lastCommittedSequence).toBe(0);
        },
        { commitWindowMs: 60_000 },
      ),
    );
  });

  it('reads at most what was asked for, but at least one record', async () => {
    await withFolder((folder) =>
      withOutbox(folder, async (outbox) => {
        for (let value = 1; value <= 20; value += 1) outbox.enqueue(reading(value));
        await outbox.flush();
        const ask = { priority: 'reading', first: 5, last: 18 } as const;
        const few = await outbox.read({ ...ask, maxRecords: 3, maxBytes: 1e9 });
        expect(few.map(({ sequence }) => sequence)).toEqual([5, 6, 7]);
        expect(await outbox.read({ ...ask, maxRecords: 100, maxBytes: 1 })).toHaveLength(1);
        expect(await outbox.read({ ...ask, maxRecords: 100, maxBytes: 1e9 })).toHaveLength(14);
      }),
    );
  });

  it('evicts within its bounds, with exact counters that survive a restart', async () => {
    await withFolder(async (folder) => {
      const bounds = {
        maxBytes: 1e9,
        maxAgeMs: 1e9,
        maxRecords: { alarm: 5, prediction: 1_000, reading: 10, debug: 1_000 },
      };
      let announced: DropCounts = NO_DROPS;
      const listener = { dropped: (added: DropCounts) => void (announced = mergeDrops(announced, added)) };
      await withOutbox(
        folder,
        async (outbox) => {
          for (let value = 1; value <= 25; value += 1) outbox.enqueue(reading(value));
          await outbox.flush();
          expect((await readAll(outbox)).map(({ sequence }) => sequence)).toEqual([
            16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
          ]);
          expect(outbox.state().dropped).toEqual({ reading: { count: 15 } });
          expect(announced).toEqual({ reading: { count: 15 } });
        },
        { bounds, listener },
      );
      await withOutbox(folder, async (outbox) => expect(outbox.state().dropped).toEqual({ reading: { count: 15 } }), {
        bounds,
      });
    });
  });

  it('loses nothing in its books: enqueued = waiting + acknowledged + dropped, whatever happens', async () => {
    const action = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ put: fc.constantFrom(...PRIORITY_CLASSES), times: fc.integer({ min: 1, max: 30 }) }),
      },
      fc.constant('flush' as const),
      fc.constant('acknowledge' as const),
      fc.constant('restart' as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 3, maxLength: 14 }), async (actions) => {
        await withFolder(async (folder) => {
          const bounds = {
            maxBytes: 4_000,
            maxAgeMs: 1e9,
            maxRecords: { alarm: 20, prediction: 20, reading: 20, debug: 5 },
          };
          let outbox = outboxIn(folder, { bounds, commitWindowMs: 5 });
          await outbox.start();
          let put = 0;
          let acknowledged = 0;
          for (const step of actions) {
            if (step === 'flush') await outbox.flush();
            else if (step === 'restart') {
              await outbox.stop();
              outbox = outboxIn(folder, { bounds, commitWindowMs: 5 });
              await outbox.start();
            } else if (step === 'acknowledge') {
              await outbox.flush();
              const [first] = await readAll(outbox);
              if (first === undefined) continue;
              outbox.acknowledge({ priority: 'reading', first: first.sequence, last: first.sequence, records: 1 });
              acknowledged += 1;
              await outbox.flush();
            } else {
              for (let time = 0; time < step.times; time += 1) outbox.enqueue(reading(put + time, step.put));
              put += step.times;
            }
          }
          await outbox.flush();
          const { depth, dropped } = outbox.state();
          await outbox.stop();
          expect(depth + acknowledged + totalDrops(dropped)).toBe(put);
        });
      }),
      { numRuns: 8 },
    );
  }, 60_000);

  it('does not count as lost what was evicted in flight and arrived after all', async () => {
    await withFolder((folder) =>
      withOutbox(
        folder,
        async (outbox) => {
          for (let value = 1; value <= 10; value += 1) outbox.enqueue(reading(value));
          await outbox.flush();
          for (let value = 11; value <= 16; value += 1) outbox.enqueue(reading(value));
          await outbox.flush();
          expect(outbox.state().dropped).toEqual({ reading: { count: 6 } });
          outbox.acknowledge({ priority: 'reading', first: 1, last: 4, records: 4 });
          await outbox.flush();
          expect(totalDrops(outbox.state().dropped)).toBe(2);
        },
        { bounds: { maxBytes: 1e9, maxAgeMs: 1e9, maxRecords: { alarm: 9, prediction: 9, reading: 10, debug: 9 } } },
      ),
    );
  });

  it('does not read again what is acknowledged and not yet deleted', async () => {
    await withFolder((folder) =>
      withOutbox(
        folder,
        async (outbox) => {
          for (let value = 1; value <= 10; value += 1) outbox.enqueue(reading(value));
          await outbox.flush();
          outbox.acknowledge({ priority: 'reading', first: 1, last: 6, records: 6 });
          const ask = { priority: 'reading', first: 1, last: 10, maxRecords: 4, maxBytes: 1e9 } as const;
          expect((await outbox.read(ask)).map(({ sequence }) => sequence)).toEqual([7, 8]);
        },
        { commitWindowMs: 60_000 },
      ),
    );
  });

  it('refuses a second agent on the same file', async () => {
    await withFolder((folder) =>
      withOutbox(folder, async () => {
        const second = outboxIn(folder);
        await expect(second.start()).rejects.toMatchObject({
          code: 'OUTBOX_LOCKED',
          message: expect.stringContaining(join(folder, 'outbox.db')),
        });
      }),
    );
  });

  it('gives the space of acknowledged records back to the file system', async () => {
    await withFolder((folder) =>
      withOutbox(folder, async (outbox) => {
        const long = { ...reading(1), body: { ...reading(1).body, source: 'x'.repeat(4_000) } };
        for (let round = 0; round < 8; round += 1) {
          for (let time = 0; time < 200; time += 1) outbox.enqueue(long as ReturnType<typeof reading>);
          await outbox.flush();
        }
        outbox.acknowledge({ priority: 'reading', first: 1, last: 1_600, records: 1_600 });
        await outbox.flush();
      }).then(() => expect(statSync(join(folder, 'outbox.db')).size).toBeLessThan(3_000_000)),
    );
  });

  it('renames what waits to a new epoch when it turned out to be an older copy', async () => {
    await withFolder((folder) =>
      withOutbox(folder, async (outbox) => {
        const { epoch } = outbox.state();
        outbox.enqueue(reading(1));
        await outbox.flush();
        await outbox.beginEpoch();
        expect(outbox.state().epoch).not.toBe(epoch);
        expect(outbox.state().depth).toBe(1);
      }),
    );
  });

  it('counts a record over the size bound instead of storing it', async () => {
    await withFolder((folder) =>
      withOutbox(folder, async (outbox) => {
        outbox.enqueue({
          kind: 'readings',
          priority: 'reading',
          body: { observedAt: 1, source: 'x'.repeat(70_000), values: {} },
        });
        await outbox.flush();
        expect(outbox.state()).toMatchObject({ depth: 0, dropped: addDrops(NO_DROPS, 'reading', 'oversize', 1) });
      }),
    );
  });
});
