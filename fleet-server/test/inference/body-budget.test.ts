import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import { isModelError } from '@shoal/models';
import { BodyBudget } from '../../src/inference/body-budget.ts';

const codeOf = (body: Promise<Uint8Array>): Promise<string> =>
  body.then(
    (bytes) => `${bytes.length} bytes`,
    (error: unknown) => (isModelError(error) ? error.code : String(error)),
  );

const sent = (bytes: number): PassThrough => {
  const payload = new PassThrough();
  payload.write(Buffer.alloc(bytes));
  return payload;
};

test('a body is there with its last announced byte, or with its end where none was announced', async () => {
  const budget = new BodyBudget(10, 20);
  expect(await codeOf(budget.collect('6', sent(6)))).toBe('6 bytes');
  const open = sent(4);
  const body = codeOf(budget.collect(undefined, open));
  open.end(Buffer.alloc(3));
  expect(await body).toBe('7 bytes');
});

test('a body over the bound is refused as announced, and as it comes', async () => {
  const budget = new BodyBudget(10, 20);
  expect(await codeOf(budget.collect('11', sent(1)))).toBe('REQUEST_TOO_LARGE');
  expect(await codeOf(budget.collect(undefined, sent(11)))).toBe('REQUEST_TOO_LARGE');
});

test('all bodies together are bounded until they are released', async () => {
  const budget = new BodyBudget(10, 15);
  const first = await budget.collect('8', sent(8));
  expect(await codeOf(budget.collect('8', sent(8)))).toBe('ENGINE_BUSY');
  budget.release(first);
  expect(await codeOf(budget.collect('8', sent(8)))).toBe('8 bytes');
});

test('a caller who leaves half way holds nothing', async () => {
  const budget = new BodyBudget(10, 10);
  const payload = sent(8);
  const body = codeOf(budget.collect('9', payload));
  await new Promise((resolve) => payload.once('data', resolve));
  payload.destroy(new Error('aborted'));
  expect(await body).toBe('INFERENCE_CANCELED');
  expect(await codeOf(budget.collect('9', sent(9)))).toBe('9 bytes');
});

test('a caller who leaves after his body was read gives it back once', async () => {
  const budget = new BodyBudget(10, 10);
  const payload = sent(8);
  const body = await budget.collect('8', payload);
  const gone = new Promise((resolve) => payload.once('close', resolve));
  payload.destroy(new Error('aborted'));
  await gone;
  budget.release(body);
  expect(await codeOf(budget.collect('8', sent(8)))).toBe('8 bytes');
  expect(await codeOf(budget.collect('8', sent(8)))).toBe('ENGINE_BUSY');
});
