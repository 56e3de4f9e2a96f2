/** How many asynchronous rows a model is given at a time. */
import { expect, test } from '@jest/globals';
import { rowsAtOnce, type ModelPace } from '../../src/predictions/rows-at-once.ts';

const pace: ModelPace = { singleRowMs: 0.1, maxQueuedRows: 64, most: 32 };

test.each<[string, Partial<ModelPace>, number]>([
  ['as many as are configured, of a quick model', {}, 32],
  ['as many before anything was measured', { singleRowMs: undefined }, 32],
  ['no more than half its line, so that others have the other half', { maxQueuedRows: 10 }, 5],
  ['fewer of a slow model, so that nobody waits long behind them', { singleRowMs: 10 }, 5],
  ['one at a time of a very slow model', { singleRowMs: 4_000 }, 1],
  ['one where hardly anything may wait', { maxQueuedRows: 1 }, 1],
])('%s', (_, part, rows) => {
  expect(rowsAtOnce({ ...pace, ...part })).toBe(rows);
});
