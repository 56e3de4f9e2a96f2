import { mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { epochSchema } from '@shoal/protocol';
import { eventually, withFolder } from '../fixtures/conditions.ts';
import { readAll, reading, withOutbox } from './fixtures/outbox-fixture.ts';

describe('an outbox whose file is damaged', () => {
  it('sets a damaged file aside, begins a new epoch and says so', async () => {
    await withFolder(async (folder) => {
      let before = '';
      await withOutbox(folder, async (outbox) => {
        before = outbox.state().epoch;
        for (let value = 1; value <= 500; value += 1) outbox.enqueue(reading(value));
        await outbox.flush();
      });
      const file = await open(join(folder, 'outbox.db'), 'r+');
      await file.write(Buffer.alloc(8_192, 0xa5), 0, 8_192, 4_096);
      await file.close();
      const kept: string[] = [];
      await withOutbox(
        folder,
        async (outbox) => {
          expect(outbox.state().epoch).not.toBe(before);
          expect(outbox.state()).toMatchObject({ depth: 0, health: 'ok' });
          outbox.enqueue(reading(1));
          await outbox.flush();
          expect(outbox.state().lastCommittedSequence).toBe(1);
        },
        { listener: { quarantined: (keptAs) => void kept.push(keptAs) } },
      );
      expect(kept).toHaveLength(1);
      expect(statSync(kept[0] ?? '').size).toBeGreaterThan(8_192);
    });
  });

  it('notices damage while it runs: the rest of the records counts as lost, and work goes on', async () => {
    await withFolder(async (folder) => {
      const kept: string[] = [];
      await withOutbox(
        folder,
        async (outbox) => {
          const { epoch } = outbox.state();
          const body = { ...reading(1).body, source: 'x'.repeat(3_000) } as ReturnType<typeof reading>['body'];
          for (let time = 0; time < 2_500; time += 1) {
            outbox.enqueue({ ...reading(1), body });
            if (time % 500 === 499) await outbox.flush();
          }
          const file = await open(join(folder, 'outbox.db'), 'r+');
          const { size } = await file.stat();
          await file.write(Buffer.alloc(size - 4_096, 0xa5), 0, size - 4_096, 4_096);
          await file.close();
          expect(await readAll(outbox)).toEqual([]);
          expect(kept).toHaveLength(1);
          expect(outbox.state().epoch).not.toBe(epoch);
          expect(outbox.state().dropped).toEqual({ reading: { quarantine: 2_500 } });
          outbox.enqueue(reading(2));
          await outbox.flush();
          expect(outbox.state()).toMatchObject({ depth: 1, lastCommittedSequence: 1, health: 'ok' });
        },
        {
          listener: { quarantined: (keptAs) => void kept.push(keptAs) },
          memory: { maxRecords: 5_000, maxBytes: 1e9 },
          bounds: {
            maxBytes: 1e9,
            maxAgeMs: 1e9,
            maxRecords: { alarm: 1e6, prediction: 1e6, reading: 1e6, debug: 1e6 },
          },
        },
      );
    });
  });

  it('takes a file that is no database for a damaged one, and keeps only the last two of those', async () => {
    await withFolder(async (folder) => {
      for (let time = 0; time < 4; time += 1) {
        writeFileSync(join(folder, 'outbox.db'), `this is not a database ${time}`.repeat(100));
        await withOutbox(folder, async (outbox) => expect(outbox.state().health).toBe('ok'));
      }
      const kept = readdirSync(folder).filter((name) => name.includes('.damaged-'));
      expect(kept).toHaveLength(2);
      expect(await readFile(join(folder, kept.sort().at(-1) ?? ''), 'utf8')).toContain('not a database 3');
    });
  });

  it('without a file the device has an epoch, says what is wrong, and heals', async () => {
    await withFolder(async (folder) => {
      const file = join(folder, 'outbox.db');
      mkdirSync(file);
      const said: string[] = [];
      await withOutbox(
        folder,
        async (outbox) => {
          const { epoch, health } = outbox.state();
          expect(health).toBe('failing');
          expect(epochSchema.safeParse(epoch).success).toBe(true);
          outbox.enqueue(reading(1));
          rmdirSync(file);
          await eventually(() => outbox.state().health === 'ok' && outbox.state().depth === 1);
          expect(outbox.state().epoch).not.toBe(epoch);
        },
        { listener: { healthChanged: (_health, sentence) => void said.push(sentence) } },
      );
      expect(said[0]).toContain(`Cannot write ${file}`);
    });
  });
});
