/** The shipped pump-condition on pumps it was not trained on: those of this package, which know nothing of its training. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import {
  createTfjsEngine,
  evaluateFeatureView,
  judgeOutputs,
  modelInputs,
  readCatalogBundle,
  windowedManifest,
  type ModelHandle,
  type WindowedManifest,
} from '@shoal/models';
import type { PumpFault } from '../../src/physics/pump-faults.ts';
import { sisterStream } from '../../src/physics/pump-stream.ts';

jest.setTimeout(60_000);
const engine = createTfjsEngine();
let model: ModelHandle;
let manifest: WindowedManifest;
beforeAll(async () => {
  const bundle = await readCatalogBundle('pump-condition', '1.0.0');
  manifest = windowedManifest(bundle.manifest);
  model = await engine.load(bundle);
});
afterAll(() => engine.close());

const PUMPS = 40;
/** Seconds in which bubbles form and everything settles. */
const SETTLED_S = 20;

type Kind = Exclude<PumpFault['kind'], 'sensor-stuck'>;

/** The labels of one minute of each of many pumps. */
const labels = async (faults: readonly PumpFault[]): Promise<string[]> => {
  const { featureView, window } = manifest;
  const vectors = Array.from({ length: PUMPS }, (_, pump) => {
    const stream = sisterStream(`condition/${pump}`, faults);
    for (let second = 0; second < SETTLED_S; second += 1) stream.next(1_000);
    const samples = Array.from({ length: window.lengthMs / 1_000 }, (_unused, second) => ({
      observedAt: second * 1_000,
      values: stream.next(1_000),
    }));
    return evaluateFeatureView(featureView, { startAt: 0, endAt: window.lengthMs, samples });
  });
  const { outputs } = await model.infer(modelInputs(manifest, vectors));
  return judgeOutputs(manifest, outputs).map(({ label }) => label);
};

const shareOf = (all: readonly string[], label: string): number => all.filter((one) => one === label).length / PUMPS;

test('healthy pumps are mostly called so, and never anything but leaking', async () => {
  const all = await labels([]);
  expect(shareOf(all, 'normal')).toBeGreaterThanOrEqual(0.85);
  expect(shareOf(all, 'normal') + shareOf(all, 'leak')).toBe(1);
});

test.each<[Kind, number, number]>([
  ['valve-closing', 0.2, 0.95],
  ['valve-closing', 0.7, 0.95],
  ['valve-closing', 1, 0.95],
  ['leak', 1, 0.65],
  ['imbalance', 0.1, 0.95],
  ['imbalance', 0.5, 0.95],
  ['imbalance', 1, 0.95],
  ['cavitation', 0.75, 0.95],
  ['cavitation', 1, 0.95],
])('%s at %d is named', async (kind, severity, least) => {
  expect(shareOf(await labels([{ kind, severity, onsetMs: 0, rampMs: 0 }]), kind)).toBeGreaterThanOrEqual(least);
});
