import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  checkGolden,
  createNativeEngine,
  entityViewHash,
  pinnedViews,
  readCatalogBundle,
  SHIPPED_VIEWS,
  writeBundle,
  type Bundle,
  type ModelHandle,
} from '@shoal/models';
import { figuresOf, trainPumpHealth, type TrainedHealth } from '../../train/pump-health/build.ts';
import { healthContent } from '../../train/pump-health/bundle-content.ts';
import { healthOf } from '../../train/pump-health/health-graph.ts';
import { codeOf } from '../conditions.ts';
import { BundleShelf } from '../test-bundles.ts';

jest.setTimeout(120_000);
const shelf = new BundleShelf();
const engine = createNativeEngine();
let bundle: Bundle;
let model: ModelHandle;
let trained: TrainedHealth;
beforeAll(async () => {
  bundle = await readCatalogBundle('pump-health', '1.0.0');
  model = await engine.load(bundle);
  trained = trainPumpHealth();
});
afterAll(async () => {
  await engine.close();
  await shelf.dispose();
});

describe('the shipped pump-health', () => {
  test('is what its training gives, byte for byte', async () => {
    const folder = join(await shelf.folder(), 'again');
    await writeBundle(folder, healthContent(trained));
    for (const { path } of [...bundle.manifest.files, { path: 'manifest.json' }]) {
      const [shipped, again] = await Promise.all([readFile(join(bundle.folder, path)), readFile(join(folder, path))]);
      expect([path, Buffer.compare(shipped, again)]).toEqual([path, 0]);
    }
  });

  test('pins views that every server has, and reproduces its golden vectors', async () => {
    const { entityView } = bundle.manifest;
    if (entityView === undefined) throw new Error('it pins no view');
    const find = (_: string, hash: string) => SHIPPED_VIEWS.find((view) => entityViewHash(view) === hash);
    expect(pinnedViews(entityView, find).map(({ name }) => name)).toEqual(['pump-day', 'pump-week']);
    expect(await codeOf(checkGolden(model, bundle.golden, 'native-child'))).toBe('resolved');
  });

  test('keeps what its card claims of pumps it never saw', () => {
    const { healthError, daysWithin, falseAlarms } = figuresOf(trained);
    expect(healthError).toBeLessThan(0.05);
    expect(daysWithin.at(-1)?.share).toBeGreaterThan(0.85);
    expect(falseAlarms).toBeLessThan(0.02);
  });

  test('says nothing of days without a trend, and less health with more wear', () => {
    const steady = trained.heldOut.find(({ wear, days }) => wear === 'none' && days === 7);
    expect(healthOf(trained.model, steady?.row ?? []).daysToThreshold).toBe(90);
    const clogged = trained.heldOut.filter(({ wear }) => wear === 'clogging').toSorted((a, b) => a.worn - b.worn);
    const [first, last] = [clogged[0], clogged.at(-1)].map((pump) => healthOf(trained.model, pump?.row ?? []).health);
    expect(first).toBeGreaterThan((last ?? 1) + 0.5);
  });
});
