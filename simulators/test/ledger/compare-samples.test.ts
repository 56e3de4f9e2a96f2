/** The ledger of full agents sees readings and windows that are lost, doubled, altered or out of order. */
import { expect, test } from '@jest/globals';
import type { StoredPrediction, StoredReading } from '@shoal/protocol';
import {
  compareAllPredictions,
  comparePredictions,
  compareReadings,
  compareRanges,
} from '../../src/ledger/compare-samples.ts';

const EPOCH = '0123456789abcdef0123';
const given = Array.from({ length: 30 }, (_, index) => ({ observedAt: 1_000 * index, values: { a: index, b: null } }));
const reading = (index: number, sequence = index + 1): StoredReading => ({
  ...given[index],
  observedAt: 1_000 * index,
  values: { b: null, a: index },
  source: 'pump',
  sequence,
  deviceId: 'pump-1',
  epoch: EPOCH,
  receivedAt: 5,
  eventAt: 5,
  clock: 'good',
});
const all = given.map((_, index) => reading(index));
const spec = { lengthMs: 10_000, hopMs: 5_000, sampleRateHz: 1, minCoverage: 0.5, channels: ['a'] };
const prediction = (startAt: number, count = 10): StoredPrediction => ({
  sequence: 1,
  observedAt: startAt + 10_000,
  model: { name: 'm', version: '1' },
  window: { startAt, endAt: startAt + 10_000, count },
  outputs: {},
  source: 'edge',
  deviceId: 'pump-1',
  epoch: EPOCH,
  receivedAt: 5,
  eventAt: 5,
  clock: 'good',
});

test('what was given and stored agrees, whatever the order of the answer', () => {
  expect(compareReadings(given, all.toReversed())).toMatchObject({
    produced: 30,
    stored: 30,
    lost: 0,
    duplicated: 0,
    unexpected: 0,
    misordered: 0,
  });
});

test('repeated stamps are records of their own', () => {
  const twice = [given[0], given[0]].map((sample) => sample as (typeof given)[number]);
  expect(compareReadings(twice, [reading(0, 1)])).toMatchObject({ lost: 1, duplicated: 0 });
  expect(compareReadings(twice, [reading(0, 1), reading(0, 2)])).toMatchObject({ lost: 0, duplicated: 0 });
});

test.each([
  ['a lost reading', all.slice(1), { lost: 1, stored: 29 }],
  ['a doubled reading', [...all, reading(3, 99)], { duplicated: 1 }],
  ['an altered reading', [{ ...reading(0), values: { a: 7, b: null } }, ...all.slice(1)], { lost: 1, unexpected: 1 }],
  ['two readings that changed places', [reading(1, 1), reading(0, 2), ...all.slice(2)], { misordered: 1, lost: 0 }],
])('%s is found', (_, stored, expected) => {
  expect(compareReadings(given, stored)).toMatchObject(expected);
});

test('every window that the samples close has its prediction', () => {
  const windows = [-5_000, 0, 5_000, 10_000, 15_000].map((startAt) => prediction(startAt, startAt < 0 ? 5 : 10));
  expect(comparePredictions(given, spec, windows)).toMatchObject({ produced: 5, stored: 5, lost: 0, unexpected: 0 });
  expect(comparePredictions(given, spec, windows.slice(1))).toMatchObject({ lost: 1 });
  expect(comparePredictions(given, spec, [...windows, prediction(0)])).toMatchObject({ duplicated: 1 });
  expect(comparePredictions(given, spec, [...windows, prediction(20_000)])).toMatchObject({ unexpected: 1 });
  expect(comparePredictions(given, spec, [prediction(-5_000, 6), ...windows.slice(1)])).toMatchObject({ lost: 1 });
});

test('a model whose channels are missing, or empty in a window, is not expected to answer', () => {
  expect(comparePredictions(given, { ...spec, channels: ['a', 'c'] }, [])).toMatchObject({ produced: 0, lost: 0 });
  const gap = given.map((sample, index) => (index < 10 ? { ...sample, values: { a: null, b: null } } : sample));
  const windows = [5_000, 10_000, 15_000].map((startAt) => prediction(startAt));
  expect(comparePredictions(gap, spec, windows)).toMatchObject({ produced: 3, lost: 0, unexpected: 0 });
});

test('ranges that claim more than the histories hold are found', () => {
  const history = { readings: all, predictions: [], events: [] };
  const ranges = (count: number) => ({
    deviceId: 'pump-1',
    epochs: [{ epoch: EPOCH, ranges: [[1, count] as [number, number]], count }],
  });
  expect(compareRanges({ ...history, ranges: ranges(30) }).rangesDisagree).toBe(0);
  expect(compareRanges({ ...history, ranges: ranges(31) }).rangesDisagree).toBe(1);
});

test('every model of a device has windows of its own, and a model that does not run there has none', () => {
  const windows = [-5_000, 0, 5_000, 10_000, 15_000].map((startAt) => prediction(startAt, startAt < 0 ? 5 : 10));
  const views = { one: spec, two: { ...spec, hopMs: spec.lengthMs } };
  const of = (name: string, list: readonly StoredPrediction[]): StoredPrediction[] =>
    list.map((stored) => ({ ...stored, model: { ...stored.model, name } }));
  const both = [
    ...of('one', windows),
    ...of(
      'two',
      windows.filter(({ window }) => window.startAt % 10_000 === 0),
    ),
  ];
  const complete = compareAllPredictions(given, views, both);
  expect(complete).toMatchObject({ stored: both.length, lost: 0, duplicated: 0, unexpected: 0 });
  expect(compareAllPredictions(given, views, both.slice(1))).toMatchObject({ lost: 1 });
  expect(compareAllPredictions(given, { one: spec }, both)).toMatchObject({ unexpected: both.length - windows.length });
});
