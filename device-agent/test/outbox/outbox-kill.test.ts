import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { withFolder } from '../fixtures/conditions.ts';
import { readAll, withOutbox } from './fixtures/outbox-fixture.ts';

interface Promised {
  readonly epoch: string;
  readonly lastCommittedSequence: number;
}

const CHILD = fileURLToPath(new URL('./fixtures/outbox-child.ts', import.meta.url));

/** Runs the child until it promised something `lines` times, then SIGKILL at once; the last promise. */
const killAfter = async (folder: string, lines: number, mode: string): Promise<Promised> => {
  const child = spawn(
    process.execPath,
    ['--conditions=source', '--disable-warning=ExperimentalWarning', CHILD, folder, mode],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exited = once(child, 'exit');
  let promised: Promised = { epoch: '', lastCommittedSequence: 0 };
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    promised = JSON.parse(line) as Promised;
    seen += 1;
    if (seen === lines) child.kill('SIGKILL');
  }
  await exited;
  return promised;
};

describe('an outbox whose process is killed while it writes', () => {
  it('has every record it said was committed, once, in order and unchanged, under the same epoch', async () => {
    await withFolder(async (folder) => {
      let epoch: string | undefined;
      for (const lines of [1, 7, 3, 12, 5]) {
        const promised = await killAfter(folder, lines, 'keep');
        epoch ??= promised.epoch;
        await withOutbox(
          folder,
          async (outbox) => {
            const { lastCommittedSequence, depth, epoch: found } = outbox.state();
            expect(found).toBe(epoch);
            expect(lastCommittedSequence).toBeGreaterThanOrEqual(promised.lastCommittedSequence);
            expect(depth).toBe(lastCommittedSequence);
          },
          {
            bounds: {
              maxBytes: 1e9,
              maxAgeMs: 1e9,
              maxRecords: { alarm: 1e6, prediction: 1e6, reading: 1e6, debug: 1e6 },
            },
          },
        );
      }
      await withOutbox(folder, async (outbox) => {
        const stored = await readAll(outbox);
        const alarms = await readAll(outbox, 'alarm');
        for (const { sequence, body } of [...stored, ...alarms]) {
          expect((JSON.parse(body) as { values: { Pressure: number } }).values.Pressure).toBe(sequence);
        }
        expect(alarms.every(({ sequence }) => sequence % 97 === 0)).toBe(true);
      });
    });
  }, 60_000);

  it('never gives a sequence twice, although acknowledged records are gone', async () => {
    await withFolder(async (folder) => {
      let highest = 0;
      for (const lines of [6, 9, 4]) {
        const promised = await killAfter(folder, lines, 'acknowledge');
        expect(promised.lastCommittedSequence).toBeGreaterThan(highest);
        await withOutbox(folder, async (outbox) => {
          expect(outbox.state().lastCommittedSequence).toBeGreaterThanOrEqual(promised.lastCommittedSequence);
          highest = outbox.state().lastCommittedSequence;
        });
      }
    });
  }, 60_000);
});
