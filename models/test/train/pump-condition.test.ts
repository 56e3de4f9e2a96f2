import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  checkGolden,
  createTfjsEngine,
  evaluateFeatureView,
  judgeOutputs,
  modelInputs,
  readCatalog,
  readCatalogBundle,
  windowedManifest,
  writeBundle,
  type Bundle,
  type ModelHandle,
} from '@shoal/models';
import { trainPumpCondition } from '../../train/pump-condition/build.ts';
import { conditionContent } from '../../train/pump-condition/bundle-content.ts';
import {
  CONDITIONS,
  drawConditionPump,
  drawConditionWindow,
  type Condition,
} from '../../train/pump-condition/pump-conditions.ts';
import { seededRandom } from '../../train/seeded-random.ts';
import { codeOf } from '../conditions.ts';
import { BundleShelf } from '../test-bundles.ts';

jest.setTimeout(240_000);
const shelf = new BundleShelf();
const engine = createTfjsEngine();
let bundle: Bundle;
let model: ModelHandle;
beforeAll(async () => {
  bundle = await readCatalogBundle('pump-condition', '1.0.0');
  model = await engine.load(bundle);
});
afterAll(async () => {
  await engine.close();
  await shelf.dispose();
});

const WINDOWS = 200;

/** Share of windows of a condition that get each label. */
const labelled = async (condition: Condition): Promise<Record<string, number>> => {
  const random = seededRandom(CONDITIONS.indexOf(condition) + 81);
  const { featureView, window } = windowedManifest(bundle.manifest);
  const vectors = Array.from({ length: WINDOWS }, (_, k) =>
    evaluateFeatureView(
      featureView,
      drawConditionWindow(
        drawConditionPump(random),
        condition,
        { startAt: k * window.hopMs, lengthMs: window.lengthMs },
        random,
      ),
    ),
  );
  const { outputs } = await model.infer(modelInputs(bundle.manifest, vectors));
  const labels = judgeOutputs(bundle.manifest, outputs).map(({ label }) => label);
  return Object.fromEntries(
    CONDITIONS.map((name) => [name, labels.filter((label) => label === name).length / WINDOWS]),
  );
};

describe('the shipped pump-condition', () => {
  test('is what its training gives, byte for byte', async () => {
    const folder = join(await shelf.folder(), 'again');
    await writeBundle(folder, conditionContent(trainPumpCondition()));
    for (const { path } of [...bundle.manifest.files, { path: 'manifest.json' }]) {
      const [shipped, again] = await Promise.all([readFile(join(bundle.folder, path)), readFile(join(folder, path))]);
      expect([path, Buffer.compare(shipped, again)]).toEqual([path, 0]);
    }
  });

  test('is listed in the catalogue and reproduces its golden vectors', async () => {
    expect(await readCatalog()).toContainEqual({ name: 'pump-condition', version: '1.0.0', folder: bundle.folder });
    expect(await codeOf(checkGolden(model, bundle.golden, 'tfjs-child'))).toBe('resolved');
  });

  test.each([
    ['normal', 0.85],
    ['valve-closing', 0.9],
    ['leak', 0.5],
    ['imbalance', 0.95],
    ['cavitation', 0.95],
  ] as const)('names %s on pumps it never saw', async (condition, least) => {
    expect((await labelled(condition))[condition]).toBeGreaterThanOrEqual(least);
  });

  test('gives probabilities that add up to one, and calls only a condition exceeded', async () => {
    const { featureView, window } = windowedManifest(bundle.manifest);
    const random = seededRandom(4);
    const span = { startAt: 0, lengthMs: window.lengthMs };
    const vectors = (['normal', 'imbalance'] as const).map((condition) =>
      evaluateFeatureView(featureView, drawConditionWindow(drawConditionPump(random), condition, span, random)),
    );
    const { outputs } = await model.infer(modelInputs(bundle.manifest, vectors));
    const first = Array.from<unknown, number>(outputs['probabilities']?.data ?? [], Number).slice(0, CONDITIONS.length);
    expect(first.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
    expect(judgeOutputs(bundle.manifest, outputs).map(({ label, exceeded }) => [label, exceeded])).toEqual([
      ['normal', false],
      ['imbalance', true],
    ]);
  });

  test('has a reference for every feature and for the probability of every condition', () => {
    expect(Object.keys(bundle.reference?.features ?? {})).toHaveLength(
      bundle.manifest.signature.inputs[0]?.shape[1] ?? 0,
    );
    expect(Object.keys(bundle.reference?.outputs ?? {}).toSorted()).toEqual([...CONDITIONS].toSorted());
  });
});
