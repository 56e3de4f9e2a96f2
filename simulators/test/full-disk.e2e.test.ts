/** A server whose disk is full acknowledges nothing it cannot keep, says so, and takes everything once there is space again. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { FleetSummary } from '@shoal/protocol';
import { smallDiskObstacle } from '../src/faults/disk.ts';
import { Ledger } from '../src/ledger.ts';
import { LightFleet } from '../src/light-fleet.ts';
import { eventually } from './support/eventually.ts';
import { Cleanup, getJson, scenarioOf, temporaryFolder, testbed } from './support/rig.ts';

const cleanup = new Cleanup();
afterEach(async () => cleanup.run(), 40_000);

const obstacle = smallDiskObstacle();
(obstacle === undefined ? describe : describe.skip)(
  `a full disk${obstacle === undefined ? '' : ` (${obstacle})`}`,
  () => {
    test('refuses for a while, and the ledger is exact afterwards', async () => {
      const bed = await testbed(temporaryFolder(cleanup), cleanup, { smallDiskBytes: 64 * 1_048_576 });
      const ledger = new Ledger();
      const fleet = new LightFleet({
        host: '127.0.0.1',
        port: bed.devicePort,
        scenario: scenarioOf(4, 40),
        deviceId: (index) => `light-${index}`,
        trueNow: Date.now,
        runId: 'disk',
        onProduced: (production) => ledger.note(production),
      });
      cleanup.later(async () => fleet.stop());
      fleet.start(new AbortController().signal);
      await eventually('all are connected', () => fleet.pumps.every(({ device }) => device.state === 'ready'));
      const storage = async () => (await getJson<FleetSummary>(`${bed.httpUrl}/api/overview`)).storage;
      expect((await storage()).state).toBe('ok');
      bed.fillDisk();
      await eventually('the server says that it refuses', async () => (await storage()).state === 'refusing');
      expect((await storage()).why).toMatch(/disk|space|full/i);
      expect(fleet.isDrained).toBe(false);
      const before = ledger.size;
      await eventually('records pile up on the devices', () => ledger.size > before + 100);
      bed.freeDisk();
      await eventually('the server takes records again', async () => (await storage()).state === 'ok');
      fleet.fallSilent();
      await eventually('everything is acknowledged', () => fleet.isDrained, 30_000);
      expect(await ledger.compare(bed.httpUrl)).toMatchObject({
        stored: ledger.size,
        lost: 0,
        duplicated: 0,
        altered: 0,
        misordered: 0,
        rangesDisagree: 0,
      });
    }, 60_000);
  },
);
