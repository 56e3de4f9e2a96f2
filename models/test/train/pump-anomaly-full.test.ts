import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readCatalogBundle, readCatalog, vectorHash } from '../../src/index.ts';
import fc from 'fast-check';
import { bundleContent } from '../../train/pump-anomaly-full/bundle-content.ts';
import { heldScore, VECTORS } from '../../train/pump-anomaly-full/held-score.ts';
import { RULES } from '../../train/pump-anomaly/deviation/view.ts';

const FLOW = RULES.findIndex(({ feature }) => feature === 'Volume Flow RateRMS.mean');

/** A row in which the flow alone is off, oldest first. */
const rowOf = (falls: readonly number[]): number[] =>
  falls.flatMap((fall) => RULES.map((_, i) => (i === FLOW ? -fall : 0)));

describe('pump-anomaly-full', () => {
  it('is in the catalogue as its script makes it', async () => {
    const entry = (await readCatalog()).find(({ name }) => name === 'pump-anomaly-full');
    for (const { path, bytes } of bundleContent().files)
      expect(Buffer.from(bytes).equals(await readFile(join(entry?.folder ?? '', path)))).toBe(true);
  });

  it('takes the vectors of pump-anomaly 1.1.0 and of no other', async () => {
    const full = await readCatalogBundle('pump-anomaly-full', '1.0.0');
    const [own, older] = await Promise.all(
      ['1.1.0', '1.0.0'].map((version) => readCatalogBundle('pump-anomaly', version)),
    );
    expect(vectorHash(full.manifest)).toBe(vectorHash((own ?? full).manifest));
    expect(vectorHash(full.manifest)).not.toBe(vectorHash((older ?? full).manifest));
    expect(full.manifest.history?.vectors).toBe(VECTORS);
  });

  it('scores a row as a trigger with hysteresis at every threshold would', () => {
    const scores = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: VECTORS, maxLength: VECTORS });
    const check = fc.check(
      fc.property(scores, fc.integer({ min: 1, max: 250 }), (hundredths, threshold) => {
        const falls = hundredths.map((value) => value / 100);
        const led = falls.map((fall, i) => {
          const change = 0.25 * (fall - (falls[Math.max(0, i - 1)] ?? fall));
          const value = fall + change;
          return value >= 0 ? value : -0.25 * value;
        });
        let isOn = false;
        const limit = threshold / 100 + 0.001;
        for (const score of led) isOn = score > limit || (isOn && score > limit / 2);
        return heldScore(rowOf(falls)) > limit === isOn;
      }),
    );
    expect(check.failed).toBe(false);
  });
});
