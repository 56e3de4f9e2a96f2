import { statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from '@jest/globals';
import { withFolder } from '../fixtures/conditions.ts';
import { WAL_BYTES } from '../../src/outbox/outbox-schema.ts';
import { reading, readAll, withOutbox } from './fixtures/outbox-fixture.ts';

/** A file as agents of format 1 left it. */
const writeFormat1 = (file: string): void => {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.exec(`
    CREATE TABLE records (
      class INTEGER NOT NULL, sequence INTEGER NOT NULL, kind INTEGER NOT NULL,
      created_at INTEGER NOT NULL, size_bytes INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (class, sequence)
    ) WITHOUT ROWID;
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE dropped (class INTEGER NOT NULL, reason TEXT NOT NULL, records INTEGER NOT NULL, PRIMARY KEY (class, reason)) WITHOUT ROWID;
    INSERT INTO meta VALUES ('epoch', 'abcdefabcdefabcdefab'), ('highest_removed', '0');
    INSERT INTO dropped VALUES (2, 'bytes', 7);
  `);
  const insert = db.prepare('INSERT INTO records VALUES (?, ?, 0, 1, 100, ?)');
  for (let sequence = 1; sequence <= 300; sequence += 1)
    insert.run(
      sequence % 3 === 0 ? 0 : 2,
      sequence,
      JSON.stringify({ observedAt: sequence, source: 's', values: { x: sequence } }),
    );
  db.pragma('user_version = 1');
  db.close();
};

describe('the outbox file', () => {
  it('of format 1 is read over with its records, its epoch and its counters, and goes on', async () => {
    await withFolder(async (folder) => {
      writeFormat1(join(folder, 'outbox.db'));
      await withOutbox(folder, async (outbox) => {
        expect(outbox.state()).toMatchObject({
          epoch: 'abcdefabcdefabcdefab',
          lastCommittedSequence: 300,
          depthByClass: { alarm: 100, reading: 200 },
          dropped: { reading: { bytes: 7 } },
        });
        outbox.enqueue(reading(1, 'alarm'));
        await outbox.flush();
        const alarms = await readAll(outbox, 'alarm');
        expect(alarms.map(({ sequence }) => sequence)).toEqual([
          ...Array.from({ length: 100 }, (_, i) => 3 * (i + 1)),
          301,
        ]);
        expect(JSON.parse(alarms[1]?.body ?? '')).toEqual({ observedAt: 6, source: 's', values: { x: 6 } });
      });
    });
  });

  it('takes the room of its log at once, and neither grows nor shrinks by commits', async () => {
    await withFolder(async (folder) => {
      const bytes = (): number => statSync(join(folder, 'outbox.db-wal')).size;
      await withOutbox(folder, async (outbox) => {
        expect(bytes()).toBe(WAL_BYTES);
        for (let commit = 0; commit < 20; commit += 1) {
          for (let value = 0; value < 60; value += 1) outbox.enqueue(reading(value / 7));
          await outbox.flush();
        }
        expect(bytes()).toBe(WAL_BYTES);
      });
      await withOutbox(folder, async (outbox) => {
        expect(outbox.state().depthByClass.reading).toBe(1_200);
        expect(bytes()).toBe(WAL_BYTES);
      });
    });
  });

  it('packs its readings', async () => {
    await withFolder(async (folder) => {
      await withOutbox(folder, async (outbox) => {
        for (let value = 0; value < 900; value += 1) outbox.enqueue(reading(value / 7));
        await outbox.flush();
        expect(outbox.state().sizeBytes).toBeGreaterThan(90_000);
      });
      expect(statSync(join(folder, 'outbox.db')).size).toBeLessThan(90_000 * 0.8);
    });
  });

  it('is written before the window is over when memory fills', async () => {
    await withFolder((folder) =>
      withOutbox(
        folder,
        async (outbox) => {
          const committed = new Promise<void>((resolve) => outbox.listen({ committed: resolve }));
          for (let value = 0; value < 300; value += 1) outbox.enqueue(reading(value));
          await committed;
          expect(outbox.state().depthByClass.reading).toBe(300);
        },
        { commitWindowMs: 60_000 },
      ),
    );
  });

  it('counts what is acknowledged as gone before it is deleted', async () => {
    await withFolder((folder) =>
      withOutbox(
        folder,
        async (outbox) => {
          for (let value = 0; value < 10; value += 1) outbox.enqueue(reading(value));
          await outbox.flush();
          const told = new Promise<number>((resolve) =>
            outbox.listen({ acknowledged: () => resolve(outbox.state().depth) }),
          );
          outbox.acknowledge({ priority: 'reading', first: 1, last: 8, records: 8 });
          expect(await told).toBe(2);
          await outbox.flush();
          expect(outbox.state()).toMatchObject({ depth: 2, depthByClass: { reading: 2 } });
        },
        { commitWindowMs: 60_000 },
      ),
    );
  });
});
