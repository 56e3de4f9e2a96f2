import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { BundleShelf } from '../../../models/test/test-bundles.ts';
import { eventually } from '../fixtures/conditions.ts';
import { nodeDisk } from '../../src/ota/node-disk.ts';
import { ReleaseServer, type Release } from './release-server.ts';
import { deviceAt, releaseOf, type TestDevice } from './updater-fixture.ts';

const MB = 1_048_576;
const shelf = new BundleShelf();
const server = new ReleaseServer();
let root: string;
let folder: string;
let device: TestDevice;
let first: Release;
let second: Release;

/** Nothing more of the process is there than its disk. */
const restarted = async (): Promise<TestDevice> => {
  await device.updater.stop();
  device = await deviceAt({ folder, server, hold: device.hold });
  return device;
};

const HOLD = { since: Date.now(), until: Date.now() + 3_600_000 };
const hold = async (isHeld: boolean): Promise<void> => {
  device.hold = isHeld ? HOLD : null;
  await device.updater.holdChanged();
};

const update = async (
  release: Release,
  over: Parameters<ReleaseServer['assigned']>[1] = {},
  floors = {},
): Promise<string> => {
  const model = server.assigned(release, over);
  device.updater.take(server.assign([model], { floors }));
  return model.deploymentId;
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'shoal-updater-'));
  await server.start();
  first = await releaseOf(server, shelf, { version: '1.0.0', releaseCounter: 1, padding: 3 * MB });
  second = await releaseOf(server, shelf, { version: '1.0.1', releaseCounter: 2, padding: 3 * MB });
});
afterAll(async () => {
  await server.stop();
  await shelf.dispose();
  await rm(root, { recursive: true, force: true });
});
beforeEach(async () => {
  folder = await mkdtemp(join(root, 'device-'));
  device = await deviceAt({ folder, server });
  await device.adopts(await update(first));
});
afterEach(() => device.updater.stop());

describe('a device that runs a version of an update', () => {
  it('goes on behind the last byte when a download is cut, and fetches little twice', async () => {
    server.givesDeltas = false;
    let cuts = 0;
    let sent = 0;
    server.interfere = ({ url, headers }, response) => {
      if (url !== `/blobs/sha256/${second.sha256}`) return false;
      const from = Number(/bytes=(\d+)/.exec(headers.range ?? '')?.[1]);
      const bytes = server.blobs.get(second.sha256)?.subarray(from, from + 700_000) ?? new Uint8Array();
      cuts += 1;
      sent += bytes.byteLength;
      response.writeHead(206);
      response.end(bytes);
      return true;
    };
    await device.adopts(await update(second));
    server.interfere = () => false;
    server.givesDeltas = true;
    expect(cuts).toBeGreaterThan(3);
    expect(sent / second.lengthBytes).toBeLessThan(1.05);
  });

  it('takes a delta from what it has where there is one, in a fraction of the bytes', async () => {
    const before = server.bytesSent;
    await device.adopts(await update(second));
    expect((server.bytesSent - before) / second.lengthBytes).toBeLessThan(0.1);
  });

  it('goes back when the new one fails in service, refuses it from then on, and runs the old one after a restart', async () => {
    device.host.counts = { inferences: 5, failures: 4, losses: 0, isDown: false };
    await update(second);
    expect(await device.reaches('rolled-back')).toMatchObject({ cause: { code: 'UPDATE_FAILS_IN_SERVICE' } });
    expect(device.host.installed).toEqual(['1.0.0', '1.0.1', '1.0.0']);
    await update(second);
    expect(await device.says('UPDATE_REFUSED_BEFORE')).toMatchObject({ state: 'rejected' });
    await restarted();
    expect(device.host.serving?.manifest.version).toBe('1.0.0');
    expect(device.host.selfTests).toBe(0);
  });

  it('rejects one that disagrees in the shadow, and counts what it saw', async () => {
    device.host.agreed = 0.5;
    await update(second, { shadow: { minWindows: 10, maxSeconds: 60, minAgreementPpm: 900_000 } });
    const { state, cause, shadow } = await device.reaches('rejected');
    expect([state, cause?.code]).toEqual(['rejected', 'UPDATE_DISAGREES']);
    expect(shadow?.windows).toBeGreaterThan(1);
    expect(device.host.installed).toEqual(['1.0.0']);
  });

  it('is not below a floor that rises, nor takes what is', async () => {
    const deployment = await update(second, {}, { hostile: 2 });
    await device.adopts(deployment);
    expect(device.host.installed).toEqual(['1.0.0', null, '1.0.1']);
    await update(first, {}, { hostile: 1 });
    expect(await device.says('UPDATE_COUNTER_TOO_LOW')).toMatchObject({ state: 'rejected', floor: 2 });
  });

  it('lets another assignment take the place of one under way, and cancels one that is withdrawn', async () => {
    const held = Promise.withResolvers<void>();
    device.host.onSelfTest = () => held.promise;
    await update(second);
    await device.reaches('self-test');
    device.updater.take(server.assign([]));
    expect(await device.reaches('canceled')).toMatchObject({ version: '1.0.1' });
    const again = await update(second);
    await device.reaches('self-test');
    await device.adopts(await update(first));
    held.resolve();
    const states = device.events.events.flatMap(({ facts }) =>
      facts['deploymentId'] === again ? [facts['state']] : [],
    );
    expect(states.at(-1)).toBe('superseded');
    expect(device.host.serving?.manifest.version).toBe('1.0.0');
  });

  it('falls back to the version before when its files are damaged, and removes what nothing names', async () => {
    await device.adopts(await update(second));
    await writeFile(join(folder, 'bundles', second.sha256, 'golden.json'), '{}');
    await restarted();
    expect(device.host.serving?.manifest.version).toBe('1.0.0');
    expect(device.updater.report()['hostile']).toMatchObject({
      state: 'rolled-back',
      cause: { code: 'UPDATE_STORE_DAMAGED' },
    });
    await device.updater.stop();
    expect(await readdir(join(folder, 'bundles'))).toEqual([first.sha256]);
  });

  it('waits for room on its disk, and says that it does', async () => {
    await device.updater.stop();
    let free = 1_000;
    device = await deviceAt({ folder, server, disk: { ...nodeDisk, freeBytes: async () => free } });
    const deployment = await update(second);
    expect(await device.says('UPDATE_NO_SPACE')).toMatchObject({ state: 'downloading' });
    free = 1e12;
    await device.adopts(deployment);
  });

  it('begins nothing while it is held, also after a restart, and goes on when that is over', async () => {
    await hold(true);
    const deployment = await update(second);
    expect(await device.says('UPDATE_HELD')).toMatchObject({ state: 'wait-window', cause: { until: HOLD.until } });
    const before = server.requests.length;
    await restarted();
    expect(device.updater.report()['hostile']).toMatchObject({ cause: { code: 'UPDATE_HELD' } });
    expect(server.requests.slice(before).filter((path) => path.startsWith('/blobs/'))).toEqual([]);
    await hold(false);
    await device.adopts(deployment);
  });

  it('finishes the test that runs while it is held and does not switch; the way back is never held', async () => {
    const tested = Promise.withResolvers<void>();
    device.host.onSelfTest = () => tested.promise;
    const deployment = await update(second);
    await device.reaches('self-test');
    await hold(true);
    tested.resolve();
    expect(await device.says('UPDATE_HELD')).toMatchObject({ state: 'self-test', selfTest: { p95Ms: 2 } });
    expect(device.host.installed).toEqual(['1.0.0']);
    await hold(false);
    await device.adopts(deployment);
    expect(device.host.selfTests).toBe(2);
    await hold(true);
    await device.adopts(await update(first));
    expect(device.host.installed).toEqual(['1.0.0', '1.0.1', '1.0.0']);
  });

  it('is confirmed only once the fleet is reached', async () => {
    await device.adopts(await update(second));
    expect(device.updater.report()['hostile']?.confirmed).toBe(false);
    device.updater.online();
    await eventually(() => device.updater.report()['hostile']?.confirmed === true);
  });
});
