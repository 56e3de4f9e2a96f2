import { afterAll, describe, expect, test } from '@jest/globals';
import type { Tensors } from '@shoal/protocol';
import { evaluateFeatureView, judgeOutputs, modelInputs, type BundleManifest } from '@shoal/models';
import { thrownCode } from '../conditions.ts';
import { DOUBLING } from '../hostile-models.ts';
import { BundleShelf, contentOf, TINY_VIEW } from '../test-bundles.ts';

const shelf = new BundleShelf();
afterAll(() => shelf.dispose());
const manifest = async (): Promise<BundleManifest> => (await shelf.write(contentOf({ model: DOUBLING }))).manifest;
const vector = (value: number) =>
  evaluateFeatureView(TINY_VIEW, { startAt: 0, endAt: 1_000, samples: [{ observedAt: 0, values: { x: value } }] });
const scores = (...values: number[]): Tensors => ({
  score: { datatype: 'FP32', shape: [values.length, 1], data: Float32Array.from(values) },
});

describe('model inputs', () => {
  test('have one row per vector', async () => {
    expect(modelInputs(await manifest(), [vector(3), vector(4)])).toEqual({
      x: { datatype: 'FP32', shape: [2, 1], data: Float32Array.of(3, 4) },
    });
  });

  test('are refused when another view made the vector, or the width differs', async () => {
    const own = await manifest();
    expect(thrownCode(() => modelInputs(own, [{ ...vector(1), viewHash: 'other' }]))).toBe('FEATURE_VIEW_MISMATCH');
    expect(thrownCode(() => modelInputs(own, [{ ...vector(1), values: Float32Array.of(1, 2) }]))).toBe(
      'INPUT_SHAPE_INVALID',
    );
    const signature = { ...own.signature, inputs: [{ name: 'x', datatype: 'INT64' as const, shape: [-1, 1] }] };
    expect(thrownCode(() => modelInputs({ ...own, signature }, [vector(1)]))).toBe('INPUT_SHAPE_INVALID');
  });
});

describe('verdicts', () => {
  test('come by the default threshold, or by the one of the device', async () => {
    const own = await manifest();
    expect(judgeOutputs(own, scores(10, 10.5))).toEqual([
      { score: 10, threshold: 10, exceeded: false, label: 'low' },
      { score: 10.5, threshold: 10, exceeded: true, label: 'high' },
    ]);
    expect(judgeOutputs(own, scores(10), { high: 9 })[0]).toMatchObject({ threshold: 9, exceeded: true });
  });

  test('of classes are the most probable one, with its probability', async () => {
    const own: BundleManifest = {
      ...(await manifest()),
      postProcessing: {
        kind: 'classes',
        probabilitiesOutput: 'score',
        labels: ['fine', 'leak', 'worn'],
        quietLabels: ['fine'],
        decisionThreshold: 'sure',
        thresholds: { sure: { default: 0.5, description: '' } },
      },
    };
    const rows = scores(0.75, 0.25, 0, 0.25, 0.75, 0, 0.25, 0.25, 0.5);
    expect(judgeOutputs(own, rows)).toEqual([
      { score: 0.75, threshold: 0.5, exceeded: false, label: 'fine', confidence: 0.75 },
      { score: 0.75, threshold: 0.5, exceeded: true, label: 'leak', confidence: 0.75 },
      { score: 0.5, threshold: 0.5, exceeded: false, label: 'worn', confidence: 0.5 },
    ]);
    expect(judgeOutputs(own, rows, { sure: 0.4 })[2]).toMatchObject({ label: 'worn', exceeded: true });
    expect(thrownCode(() => judgeOutputs(own, scores(1, 0)))).toBe('OUTPUT_MISMATCH');
  });

  test('are none where the outputs are the answer', async () => {
    expect(judgeOutputs({ ...(await manifest()), postProcessing: { kind: 'none' } }, scores(1))).toEqual([]);
  });

  test('need the score', async () => {
    const own = await manifest();
    expect(thrownCode(() => judgeOutputs(own, {}))).toBe('OUTPUT_MISMATCH');
    expect(
      thrownCode(() => judgeOutputs(own, { score: { datatype: 'BOOL', shape: [1], data: Uint8Array.of(1) } })),
    ).toBe('OUTPUT_MISMATCH');
  });
});
