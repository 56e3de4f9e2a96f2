import { expect, test } from '@jest/globals';
import type { BundleManifest } from '../../src/bundle/manifest.ts';
import { mostAnswerBytes } from '../../src/engine/answer-bounds.ts';
import { answerBytes } from '../../src/engine/session/answer-bytes.ts';

const MOST = 64 * 1_048_576;

const signature = (...outputs: number[][]): BundleManifest['signature'] => ({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 1] }],
  outputs: outputs.map((shape, i) => ({ name: `y${i}`, datatype: 'FP32', shape })),
  nonFiniteInputs: 'refuse',
  nonFiniteOutputs: 'refuse',
});
const rows = (count: number) => ({
  x: { datatype: 'FP32' as const, shape: [count, 1], data: new Float32Array(count) },
});

test('an answer is bounded by the rows of the question where the signature says the rest', () => {
  const one = mostAnswerBytes(rows(1), signature([-1, 1_000]), MOST);
  expect(one).toBeGreaterThanOrEqual(1_000 * 8);
  expect(one).toBeLessThan(MOST);
  expect(mostAnswerBytes(rows(2), signature([-1, 1_000]), MOST)).toBe(2 * one);
});

test('every number that a fixed signature declares may be answered', () => {
  expect(mostAnswerBytes(rows(1), signature([3, 640, 480]), MOST)).toBeGreaterThanOrEqual(3 * 640 * 480 * 8);
  expect(mostAnswerBytes(rows(1), signature([]), MOST)).toBeGreaterThanOrEqual(8);
});

test('a signature that leaves more open than the rows is held to the general bound', () => {
  expect(mostAnswerBytes(rows(1), signature([-1, 1], [1, -1, -1]), MOST)).toBe(MOST);
  expect(mostAnswerBytes(rows(1_000_000), signature([-1, 1_000]), MOST)).toBe(MOST);
});

test('strings count for the objects they become', () => {
  const names = Array.from({ length: 1_000 }, () => new Uint8Array(2));
  expect(answerBytes({ names: { datatype: 'BYTES', shape: [1_000], data: names } })).toBe(66_000);
  expect(answerBytes({ y: { datatype: 'FP32', shape: [3], data: new Float32Array(3) } })).toBe(12);
});
