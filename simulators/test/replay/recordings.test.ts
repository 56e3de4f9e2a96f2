/** Recordings are found in a natural order, and every one gets a device id of its own that the contract allows. */
import { afterEach, expect, test } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isDeviceId } from '@shoal/protocol';
import fc from 'fast-check';
import { deviceIdOf, distinctDeviceIds, readRecordings, recordingFiles } from '../../src/replay/recordings.ts';
import { Cleanup, temporaryFolder } from '../support/rig.ts';

const cleanup = new Cleanup();
afterEach(async () => cleanup.run());

test('a device is called after its folder and file', () => {
  expect(deviceIdOf('/data/valve1/0.csv')).toBe('valve1-0');
  expect(deviceIdOf('/data/Hall B/Pump_07 (old).CSV')).toBe('hall-b-pump-07-old');
});

test('whatever files are called, their devices have valid and different ids', () => {
  const names = fc.array(fc.string({ unit: 'binary', maxLength: 90 }), { maxLength: 8 });
  fc.assert(
    fc.property(names, (files) => {
      const ids = distinctDeviceIds(files.map((name) => `/data/${name.replaceAll('/', '')}.csv`));
      expect(new Set(ids).size).toBe(files.length);
      expect(ids.every(isDeviceId)).toBe(true);
    }),
  );
});

test('only the folder itself is read, numbers in order', () => {
  const folder = temporaryFolder(cleanup);
  for (const name of ['10.csv', '2.csv', '1.CSV', 'windows.json']) writeFileSync(join(folder, name), '');
  mkdirSync(join(folder, 'deeper.csv'));
  expect(recordingFiles(folder).map((file) => basename(file))).toEqual(['1.CSV', '2.csv', '10.csv']);
});

test('a file among others that cannot be read is named and left out; disorder is measured', async () => {
  const folder = temporaryFolder(cleanup);
  writeFileSync(join(folder, 'a.csv'), 'time,x\n2024-01-01 00:00:05,1\n2024-01-01 00:00:02,2\n2024-01-01 00:00:09,3\n');
  writeFileSync(join(folder, 'b.csv'), 'x,y\n1,2\n');
  const { recordings, unreadable } = await readRecordings(folder);
  expect(recordings).toMatchObject([{ channels: ['x'], disorderMs: 3_000, rows: [{}, {}, {}] }]);
  expect(unreadable).toEqual([{ file: join(folder, 'b.csv'), why: expect.stringMatching(/^SENSOR_NO_TIME_COLUMN: /) }]);
});
