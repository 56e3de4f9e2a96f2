/** The check behind `npm run bench -- kill` must be able to fail: faults are planted and have to be found. */
import { describe, expect, test } from '@jest/globals';
import { watchPlanted } from '../../scripts/bench/kill/planted/try-planted-faults.ts';
import { canTrace, INSTALL_STRACE } from '../../scripts/bench/kill/processes/tracer.ts';

const isTraceable = canTrace();

if (!isTraceable) process.stderr.write(`skipped: ${INSTALL_STRACE}\n`);

(isTraceable ? describe : describe.skip)('the durability check', () => {
  test('lets a server pass that syncs before it acknowledges', async () => {
    const verdict = await watchPlanted('none', 'sound');
    expect(verdict.promises).toBeGreaterThan(100);
    expect(verdict).toMatchObject({ promisedWithoutSync: 0, lost: 0, duplicated: 0, damagedImages: 0, unseen: 0 });
    expect(verdict.unwatched).toEqual([]);
    expect(verdict.lossImages).toBe(60);
  }, 60_000);

  test('catches a server that acknowledges first and commits afterwards', async () => {
    const verdict = await watchPlanted('ack-first', 'hasty');
    expect(verdict.promisedWithoutSync).toBeGreaterThan(0);
    expect(verdict.lost).toBeGreaterThan(0);
  }, 60_000);

  test('catches a server that commits without waiting for the disk', async () => {
    const verdict = await watchPlanted('no-sync', 'careless');
    expect(verdict.promisedWithoutSync).toBe(verdict.promises);
    expect(verdict.lost).toBeGreaterThan(0);
  }, 60_000);
});
