import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { nodeDisk } from '../../src/ota/node-disk.ts';
import { StateRecord } from '../../src/ota/state-record.ts';
import { withFolder } from '../fixtures/conditions.ts';

const schema = z.object({ n: z.number() });
const open = (folder: string): StateRecord<{ n: number }> => new StateRecord(nodeDisk, folder, schema);

describe('the record in two files', () => {
  it('is the last one written, or the one before when that is torn anywhere or has a bit turned', async () => {
    await withFolder(async (folder) => {
      const record = open(folder);
      for (const n of [1, 2, 3]) await record.write({ n });
      const newest = join(folder, 'record-1.json');
      const whole = await readFile(newest);
      expect(await open(folder).read()).toEqual({ value: { n: 3 }, isDamaged: false });
      await fc.assert(
        fc.asyncProperty(fc.nat(whole.length - 1), fc.boolean(), async (at, isTorn) => {
          const bytes = Buffer.from(whole);
          bytes[at] = (bytes[at] ?? 0) ^ 1;
          await writeFile(newest, bytes);
          if (isTorn) await truncate(newest, at);
          expect((await open(folder).read()).value).toEqual({ n: 2 });
        }),
        { numRuns: 60 },
      );
    });
  });

  it('goes on after a torn one, and says when nothing is left', async () => {
    await withFolder(async (folder) => {
      const record = open(folder);
      for (const n of [1, 2]) await record.write({ n });
      await writeFile(join(folder, 'record-0.json'), '{');
      const again = open(folder);
      expect((await again.read()).value).toEqual({ n: 1 });
      await again.write({ n: 5 });
      expect((await open(folder).read()).value).toEqual({ n: 5 });
      for (const file of ['record-0.json', 'record-1.json']) await writeFile(join(folder, file), 'torn');
      expect(await open(folder).read()).toEqual({ value: undefined, isDamaged: true });
    });
  });
});
