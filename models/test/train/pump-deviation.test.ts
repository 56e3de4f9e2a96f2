import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  checkGolden,
  createNativeEngine,
  createWasmEngine,
  deviceCalibration,
  featureNames,
  readCatalog,
  readCatalogBundle,
  windowedManifest,
  writeBundle,
  parseManifest,
  type Bundle,
  type InferenceEngine,
} from '@shoal/models';
import { makePumpAnomaly } from '../../train/pump-anomaly/deviation/build.ts';
import { bundleContent } from '../../train/pump-anomaly/deviation/bundle-content.ts';
import { RULES } from '../../train/pump-anomaly/deviation/view.ts';
import { codeOf } from '../conditions.ts';
import { BundleShelf } from '../test-bundles.ts';

jest.setTimeout(120_000);
const shelf = new BundleShelf();
const engines: InferenceEngine[] = [createNativeEngine(), createWasmEngine()];
let bundle: Bundle;
beforeAll(async () => {
  bundle = await readCatalogBundle('pump-anomaly', '1.1.0');
});
afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  await shelf.dispose();
});

describe('the shipped pump-anomaly that calibrates', () => {
  test('is what its training gives, byte for byte, and tells faults from health', async () => {
    const made = makePumpAnomaly();
    const folder = join(await shelf.folder(), 'again');
    await writeBundle(folder, bundleContent(made));
    for (const { path } of [...bundle.manifest.files, { path: 'manifest.json' }]) {
      const [shipped, again] = await Promise.all([readFile(join(bundle.folder, path)), readFile(join(folder, path))]);
      expect([path, Buffer.compare(shipped, again)]).toEqual([path, 0]);
    }
    expect(made.falseAlarms).toBeLessThan(0.01);
    for (const share of Object.values(made.detected)) expect(share).toBeGreaterThan(0.95);
  });

  test('is the last of its name in the catalogue: what an agent takes', async () => {
    const versions = (await readCatalog()).filter(({ name }) => name === 'pump-anomaly');
    expect(versions.map(({ version }) => version)).toEqual(['1.0.0', '1.1.0']);
  });

  test.each(engines.map((engine) => [engine.kind, engine] as const))(
    'reproduces its golden vectors on %s',
    async (kind, engine) => {
      const model = await engine.load(bundle);
      expect(await codeOf(checkGolden(model, bundle.golden, kind))).toBe('resolved');
    },
  );

  test('has a rule, a tolerance and a reference for every feature of its view, in order', () => {
    const { featureView, window } = windowedManifest(bundle.manifest);
    const names = featureNames(featureView, window.lengthMs);
    const rule = deviceCalibration(bundle.manifest);
    expect(RULES.map(({ feature }) => feature)).toEqual(names);
    expect(rule?.method === 'device-normal' && Object.keys(rule.tolerances)).toEqual(names);
    expect(Object.keys(bundle.reference?.features ?? {})).toEqual(names);
  });

  test('is refused when a feature lacks its tolerance', () => {
    const manifest = structuredClone(bundle.manifest) as { postProcessing: { calibration: { tolerances: object } } };
    Reflect.deleteProperty(manifest.postProcessing.calibration.tolerances, 'Current.mean');
    expect(() => parseManifest(manifest)).toThrow(/a tolerance for each of its features/);
  });
});
