import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { systemClock, type Clock } from '../../src/runtime.ts';
import { ReplaySource } from '../../src/sensors/replay.ts';
import { replayShiftMs } from '../../src/sensors/recorded-time.ts';
import { SyntheticSource } from '../../src/sensors/synthetic.ts';
import type { Sample } from '../../src/sensors/sensor-source.port.ts';
import { withFolder } from '../fixtures/conditions.ts';

const content = 'time,v\n1000000000,1\n1000000001,2\nbad,3\n1000000001,4\n1000000010,5\n';
const STARTED_AT = 1_700_000_012_345;
const fixedClock: Clock = { now: () => STARTED_AT, monotonic: () => performance.now() };

const replay = (folder: string, speed: number): ReplaySource =>
  new ReplaySource({
    name: 'pump',
    file: join(folder, 'r.csv'),
    ignoreColumns: [],
    speed,
    timeMapping: 'shifted',
    clock: fixedClock,
  });

describe('a replay', () => {
  it('gives every good row once, in file order, shifted as the ledger computes it, and ends', async () => {
    await withFolder(async (folder) => {
      await writeFile(join(folder, 'r.csv'), content);
      const source = replay(folder, 1e6);
      const samples: Sample[] = [];
      for await (const sample of source.samples(new AbortController().signal)) samples.push(sample);
      const shift = replayShiftMs('shifted', 1_000_000_010_000, STARTED_AT);
      expect(samples.map(({ observedAt, values }) => [observedAt - shift, values['v']])).toEqual([
        [1_000_000_000_000, 1],
        [1_000_000_001_000, 2],
        [1_000_000_001_000, 4],
        [1_000_000_010_000, 5],
      ]);
      expect(source.report()).toEqual({ rowsRead: 5, bad: { 'unparseable-time': 1 }, timeShiftMs: shift });
      expect(source.channels).toEqual(['v']);
    });
  });

  it('takes at least the recorded time divided by its speed', async () => {
    await withFolder(async (folder) => {
      await writeFile(join(folder, 'r.csv'), content);
      const startedAt = performance.now();
      for await (const sample of replay(folder, 50).samples(new AbortController().signal)) expect(sample).toBeDefined();
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(199);
    });
  });

  it('ends in the middle of a gap when it is told to', async () => {
    await withFolder(async (folder) => {
      await writeFile(join(folder, 'r.csv'), 'time,v\n1000000000,1\n1000009000,2\n');
      const ending = new AbortController();
      const samples: Sample[] = [];
      for await (const sample of replay(folder, 1).samples(ending.signal)) {
        samples.push(sample);
        ending.abort();
      }
      expect(samples).toHaveLength(1);
    });
  });
});

describe('a synthetic source', () => {
  const channels = [{ name: 'a', mean: 5, amplitude: 2, periodS: 1, noise: 0.1 }];
  const values = async (seed: number): Promise<unknown[]> => {
    const source = new SyntheticSource({ name: 's', rateHz: 500, seed, channels, clock: systemClock });
    const ending = new AbortController();
    const found: unknown[] = [];
    for await (const sample of source.samples(ending.signal)) {
      found.push(sample.values['a']);
      if (found.length === 20) ending.abort();
    }
    return found;
  };

  it('gives the same values for the same seed, and others for another', async () => {
    expect(await values(7)).toEqual(await values(7));
    expect(await values(7)).not.toEqual(await values(8));
  });
});
