import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  checkGolden,
  createNativeEngine,
  createWasmEngine,
  evaluateFeatureView,
  judgeOutputs,
  windowedManifest,
  modelInputs,
  readCatalog,
  readCatalogBundle,
  writeBundle,
  type Bundle,
  type InferenceEngine,
} from '@shoal/models';
import { bundleContent } from '../../train/pump-anomaly/bundle-content.ts';
import { trainPumpAnomaly } from '../../train/pump-anomaly/build.ts';
import { drawPump, drawWindow, HEALTHY } from '../../train/pump-anomaly/pump-signal.ts';
import { seededRandom } from '../../train/seeded-random.ts';
import { codeOf } from '../conditions.ts';
import { BundleShelf } from '../test-bundles.ts';

jest.setTimeout(60_000);
const shelf = new BundleShelf();
const engines: InferenceEngine[] = [createNativeEngine(), createWasmEngine()];
let bundle: Bundle;
beforeAll(async () => {
  bundle = await readCatalogBundle('pump-anomaly', '1.0.0');
});
afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  await shelf.dispose();
});

describe('the shipped pump-anomaly', () => {
  test('is what its training gives, byte for byte', async () => {
    const folder = join(await shelf.folder(), 'again');
    await writeBundle(folder, bundleContent(trainPumpAnomaly()));
    for (const { path } of [...bundle.manifest.files, { path: 'manifest.json' }]) {
      const [shipped, again] = await Promise.all([readFile(join(bundle.folder, path)), readFile(join(folder, path))]);
      expect([path, Buffer.compare(shipped, again)]).toEqual([path, 0]);
    }
  }, 120_000);

  test('is listed in the catalogue', async () => {
    expect(await readCatalog()).toContainEqual({ name: 'pump-anomaly', version: '1.0.0', folder: bundle.folder });
  });

  test.each(engines.map((engine) => [engine.kind, engine] as const))(
    'reproduces its golden vectors on %s',
    async (kind, engine) => {
      const model = await engine.load(bundle);
      expect(await codeOf(checkGolden(model, bundle.golden, kind))).toBe('resolved');
    },
  );

  test('tells disturbed pumps from healthy ones it never saw', async () => {
    const [engine = createNativeEngine()] = engines;
    const model = await engine.load(bundle);
    const random = seededRandom(4_711);
    const { featureView, window } = windowedManifest(bundle.manifest);
    const share = async (disturbance: typeof HEALTHY): Promise<number> => {
      const vectors = Array.from({ length: 100 }, (_, k) =>
        evaluateFeatureView(
          featureView,
          drawWindow(drawPump(random), disturbance, { startAt: k * window.hopMs, lengthMs: window.lengthMs }, random),
        ),
      );
      const { outputs } = await model.infer(modelInputs(bundle.manifest, vectors));
      return judgeOutputs(bundle.manifest, outputs).filter(({ exceeded }) => exceeded).length / 100;
    };
    expect(await share(HEALTHY)).toBeLessThanOrEqual(0.03);
    expect(await share({ ...HEALTHY, valveClosed: 0.5 })).toBe(1);
    expect(await share({ ...HEALTHY, imbalance: 0.4 })).toBe(1);
  });

  test('has a reference for every feature and for the score', () => {
    const names = Object.keys(bundle.reference?.features ?? {});
    expect(names).toHaveLength(bundle.manifest.signature.inputs[0]?.shape[1] ?? 0);
    expect(Object.keys(bundle.reference?.outputs ?? {})).toEqual(['score']);
  });
});
