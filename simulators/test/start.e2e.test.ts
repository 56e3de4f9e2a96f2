/** `npm start` as a person meets it: replays with their ledger, bad input with a named error, Ctrl-C, taken ports. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sisterStream } from '../src/physics/pump-stream.ts';
import { PUMP_CHANNELS } from '../src/physics/channels.ts';
import { environment } from './support/config.ts';
import { eventually } from './support/eventually.ts';
import { Cleanup, temporaryFolder } from './support/rig.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const cleanup = new Cleanup();
let folder: string;
beforeEach(() => {
  folder = temporaryFolder(cleanup);
});
afterEach(async () => cleanup.run(), 40_000);

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly talk: string;
}

const startScript = (args: readonly string[]) => {
  const child = spawn(process.execPath, [join(ROOT, 'scripts', 'start.mjs'), ...args], {
    cwd: ROOT,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  cleanup.later(() => child.kill('SIGKILL'));
  const seen = { out: '', talk: '' };
  child.stdout.on('data', (chunk: Buffer) => (seen.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (seen.talk += chunk.toString()));
  const ended = once(child, 'close').then(([code]): Ended => ({ code: code as number | null, ...seen }));
  return { child, seen, ended };
};
const run = async (...args: string[]): Promise<Ended> => startScript(args).ended;
const lastLine = (text: string): Record<string, unknown> =>
  JSON.parse(text.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;

/** SKAB's format: semicolons, local time, labels at the end. */
const pumpCsv = (rows: number, seed: string): string => {
  const channels = Object.keys(PUMP_CHANNELS);
  const stream = sisterStream(seed, []);
  const lines = Array.from({ length: rows }, (_, index) => {
    const stamp = new Date(1_700_000_000_000 + index * 1_000).toISOString().slice(0, 19).replace('T', ' ');
    const values = stream.next(1_000);
    return [stamp, ...Object.values(values), '0.0', '0.0'].join(';');
  });
  return [['datetime', ...channels, 'anomaly', 'changepoint'].join(';'), ...lines].join('\n');
};

// Stamps begin on a multiple of the hop, so windows start from -30 s (half full) to the last whole minute: 17 and 12.
test('a replay stores every row and predicts every window, and says so as a table and as JSON', async () => {
  const recordings = join(folder, 'hall');
  mkdirSync(recordings);
  writeFileSync(join(recordings, '1.csv'), pumpCsv(200, 'one'));
  writeFileSync(join(recordings, '2.csv'), pumpCsv(150, 'two'));
  writeFileSync(join(recordings, 'notes.txt'), 'no recording');
  const { code, out, talk } = await run('--replay', recordings, '--speed', '1000', '--exit-after-replay', '--json');
  expect(talk).toContain('/docs/mqtt');
  expect(out).toContain('predictions stored');
  expect(lastLine(out)).toMatchObject({
    rows_read: 350,
    readings_stored: 350,
    windows_expected: 31,
    predictions_stored: 31,
    lost: 0,
    duplicated: 0,
    files: [{ device_id: 'hall-1' }, { device_id: 'hall-2' }],
  });
  expect(code).toBe(0);
}, 60_000);

test('other channels than the model needs: readings only, said so; bad rows are counted and cost nothing else', async () => {
  const file = join(folder, 'machine.csv');
  const good = Array.from(
    { length: 30 },
    (_, index) => `2014-02-14 ${String(index % 24).padStart(2, '0')}:00:00,${index}`,
  );
  const bad = ['yesterday,1', '2014-02-14 05:00:00', '2014-02-14 05:00:00,warm', '2014-02-14 05:05:00,NaN'];
  writeFileSync(file, ['timestamp,value', ...good, ...bad].join('\n'));
  const { code, out, talk } = await run('--replay', file, '--speed', '1e5', '--exit-after-replay', '--json');
  expect(talk).toContain('readings only, pump-anomaly needs every channel');
  expect(lastLine(out)).toMatchObject({
    rows_read: 34,
    bad_rows: 3,
    readings_stored: 32,
    windows_expected: 0,
    predictions_stored: 0,
    lost: 0,
    duplicated: 0,
  });
  expect(code).toBe(0);
}, 60_000);

test.each([
  ['a folder that is not there', ['--replay', '/nowhere/at/all'], 'REPLAY_MISSING'],
  ['an option that is not there', ['--device', '3'], 'OPTION_INVALID'],
  ['a fault that is not there', ['--faults', 'net,fire'], 'OPTION_INVALID'],
  [
    'a scenario that is not there',
    ['--scenario', '/nowhere.json', '--mqtt-port=0', '--http-port=0'],
    'SCENARIO_INVALID',
  ],
])('%s is named, with exit code 2', async (_, args, error) => {
  const { code, out, talk } = await run(...args, '--data-dir', folder);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(talk).toMatch(new RegExp(`^${error}: .+\n$`));
});

test('a folder without a recording, and one that holds none that can be read, are named', async () => {
  expect(await run('--replay', folder)).toMatchObject({ code: 2, talk: expect.stringMatching(/^REPLAY_EMPTY: /) });
  writeFileSync(join(folder, 'a.csv'), 'a,b\n1,2\n');
  const unreadable = await run('--replay', folder);
  expect(unreadable).toMatchObject({
    code: 2,
    talk: expect.stringMatching(/^REPLAY_UNREADABLE: .*SENSOR_NO_TIME_COLUMN/),
  });
});

test('a taken port is named with the option that helps', async () => {
  const other = createServer();
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  cleanup.later(() => other.close());
  const { port } = other.address() as AddressInfo;
  const { code, talk } = await run('--mqtt-port', String(port), '--http-port', '0', '--data-dir', folder);
  expect(code).toBe(1);
  expect(talk).toBe(
    `PORT_TAKEN: Port ${port} for MQTT is in use by another program. Choose another with --mqtt-port N, or any free one with --mqtt-port 0.\n`,
  );
});

test('Ctrl-C stops a running fleet in good order, with exit code 0', async () => {
  const args = ['--devices', '6', '--full', '1', '--data-dir', folder, '--mqtt-port', '0', '--http-port', '0'];
  const { child, seen, ended } = startScript(args);
  await eventually('the fleet reports', () => /6 devices: .*online/.test(seen.talk), 30_000);
  const url = /API +(http\S+)/.exec(seen.talk)?.[1] ?? '';
  await eventually('the server knows them all', async () => {
    const { devices } = (await (await fetch(url)).json()) as { devices: { total: number } };
    return devices.total === 6;
  });
  const canary = /Rollout +pump-anomaly \S+ running, stage [123] of 3/;
  await eventually('a canary rollout is under way', () => canary.test(seen.talk), 30_000);
  child.kill('SIGINT');
  expect(await ended).toMatchObject({ code: 0 });
  await expect(fetch(url)).rejects.toThrow('fetch failed');
  expect(existsSync(join(folder, 'server', 'ingest.db'))).toBe(true);
}, 60_000);

test('a fleet in rough weather ends with a ledger that agrees', async () => {
  const size = ['--devices', '8', '--full', '1', '--duration', '6', '--faults', 'net,clock,kill'];
  const { code, out } = await run(...size, '--data-dir', folder, '--mqtt-port=0', '--http-port=0', '--json');
  expect(lastLine(out)).toMatchObject({ lost: 0, duplicated: 0, misordered: 0 });
  expect(Number(lastLine(out)['produced'])).toBeGreaterThan(30);
  expect(code).toBe(0);
}, 60_000);
