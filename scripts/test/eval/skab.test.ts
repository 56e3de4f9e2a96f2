import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { baselineVerdicts } from '../../eval/skab/baseline.ts';
import { confusionOf, pooled, scoreOf } from '../../eval/skab/confusion.ts';
import { findExperiments } from '../../eval/skab/experiments.ts';
import { rowVerdicts } from '../../eval/skab/row-verdicts.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-skab-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

describe('the experiments of a folder', () => {
  it('are its labelled recordings, however deep, in natural order', async () => {
    for (const name of ['valve2/10.csv', 'valve2/9.csv', 'other/deep/1.csv', 'free/anomaly-free.csv']) {
      await mkdir(join(folder, name, '..'), { recursive: true });
      const label = name.startsWith('free') ? '' : ';anomaly';
      const row = `2020-03-09 10:14:33;1.5${label === '' ? '' : ';1.0'}`;
      await writeFile(join(folder, name), `datetime;x${label}\n${row}\n`);
    }
    const found = await findExperiments(folder);
    expect(found.map(({ name, family }) => [name, family])).toEqual([
      ['other/deep/1', 'deep'],
      ['valve2/9', 'valve2'],
      ['valve2/10', 'valve2'],
    ]);
    expect(found[0]?.rows).toMatchObject([{ observedAt: Date.UTC(2020, 2, 9, 10, 14, 33), isAnomaly: true }]);
  });

  it('are none where there is no folder', async () => {
    expect(await findExperiments(join(folder, 'nowhere'))).toEqual([]);
  });
});

describe('scores', () => {
  it('are those of the benchmark', () => {
    const one = confusionOf([true, true, false, false, false], [true, false, true, false, false]);
    expect(one).toEqual({ truePositives: 1, falsePositives: 1, falseNegatives: 1, trueNegatives: 2 });
    const { f1, farPct, marPct } = scoreOf(pooled([one, one]));
    expect([f1, marPct]).toEqual([0.5, 50]);
    expect(farPct).toBeCloseTo(100 / 3, 10);
  });
});

describe('the verdict of a row', () => {
  it('is that of the first window that holds it, of the last one known after a gap, and normal before any', () => {
    const verdicts = [
      { endAt: 30, isAnomaly: false },
      { endAt: 40, isAnomaly: true },
    ];
    expect(rowVerdicts([5, 20, 29, 30, 39, 40, 99], verdicts, 10)).toEqual([
      false,
      false,
      false,
      true,
      true,
      true,
      true,
    ]);
  });
});

describe('the baseline', () => {
  const rows = (change: (i: number) => number) =>
    Array.from({ length: 300 }, (_, i) => ({
      observedAt: i * 1_000,
      values: { Accelerometer1RMS: 1, Accelerometer2RMS: 1, 'Volume Flow RateRMS': 30 + (i % 7) / 10 + change(i) },
      isAnomaly: false,
    }));

  it('finds a step, and its threshold does not know what comes after the calibration', () => {
    const found = baselineVerdicts(
      rows((i) => (i >= 200 ? 5 : 0)),
      150,
    );
    expect(found.slice(0, 200)).not.toContain(true);
    expect(found[260]).toBe(true);
    expect(found.slice(0, 200)).toEqual(
      baselineVerdicts(
        rows(() => 0),
        150,
      ).slice(0, 200),
    );
  });
});
