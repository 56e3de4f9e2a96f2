import { describe, expect, test } from '@jest/globals';
import type { ServedAnswer } from '@shoal/models';
import type { Datatype, TensorData, Tensors } from '@shoal/protocol';
import { ask, jsonOf, repositoryOf, serviceOver, servedModel, X } from './served-fixture.ts';

/** One sum a row. */
const sums = ({ x }: Tensors): ServedAnswer => {
  const values = Array.from(x?.data as Float32Array);
  const rows = x?.shape[0] ?? 0;
  const width = values.length / rows;
  const totals = Array.from({ length: rows }, (_, row) =>
    values.slice(row * width, (row + 1) * width).reduce((total, value) => total + value, 0),
  );
  return { elapsedMs: 1, outputs: { y: { datatype: 'FP32', shape: [rows, 1], data: Float32Array.from(totals) } } };
};
const sum = servedModel({ name: 'sum', infer: sums, outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }] });
const service = serviceOver(repositoryOf(sum));
const predict = (body: object | string, target = '/predict', host = service) => ask(host, 'POST', target, { body });

describe('/predict', () => {
  test.each([
    [[1, 2], [3]],
    [[[1, 2]], [3]],
    [
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [3, 7, 11],
    ],
  ])('answers features %j with %j', async (features, prediction) => {
    const answer = await predict({ features });
    expect(answer.status).toBe(200);
    expect(jsonOf(answer)).toEqual({ prediction, model: 'sum', version: '1.0.0' });
  });

  test('gives a row of several outputs as a list', async () => {
    const two = serviceOver(repositoryOf(servedModel()));
    expect(jsonOf(await predict({ features: [[1, 2]] }, '/predict', two))).toMatchObject({ prediction: [[1, 2]] });
  });

  test('fills higher dimensions row by row', async () => {
    const cube = servedModel({
      inputs: [{ ...X, shape: [-1, 2, -1] }],
      infer: ({ x }) => {
        expect(x?.shape).toEqual([1, 2, 3]);
        return { elapsedMs: 1, outputs: { y: { datatype: 'FP32', shape: [1], data: Float32Array.of(1) } } };
      },
    });
    expect((await predict({ features: [1, 2, 3, 4, 5, 6] }, '/predict', serviceOver(repositoryOf(cube)))).status).toBe(
      200,
    );
  });

  test.each<readonly [Datatype, TensorData, unknown]>([
    ['BOOL', Uint8Array.of(1), true],
    ['INT64', BigInt64Array.of(7n), 7],
    ['INT64', BigInt64Array.of(9_007_199_254_740_993n), '9007199254740993'],
    ['FP16', Uint16Array.of(0x3c00), 1],
    ['BYTES', [Buffer.from('leak')], 'leak'],
  ])('gives %s as JSON has it', async (datatype, data, cell) => {
    const infer = (): ServedAnswer => ({ elapsedMs: 1, outputs: { y: { datatype, shape: [1], data } } });
    const host = serviceOver(repositoryOf(servedModel({ infer, outputs: [{ name: 'y', datatype, shape: [-1] }] })));
    expect(jsonOf(await predict({ features: [1, 2] }, '/predict', host))).toMatchObject({ prediction: [cell] });
  });

  test('answers with the judged output', async () => {
    const probabilities = { datatype: 'FP32', shape: [1, 2], data: Float32Array.of(0.25, 0.75) } as const;
    const judged = servedModel({
      outputs: [
        { name: 'z', datatype: 'FP32', shape: [-1] },
        { name: 'p', datatype: 'FP32', shape: [-1, 2] },
      ],
      postProcessing: {
        kind: 'classes',
        probabilitiesOutput: 'p',
        labels: ['normal', 'leak'],
        quietLabels: ['normal'],
        decisionThreshold: 'sure',
        thresholds: { sure: { default: 0.5, description: '' } },
      },
      infer: () => ({
        elapsedMs: 1,
        outputs: { z: { datatype: 'FP32', shape: [1], data: Float32Array.of(9) }, p: probabilities },
      }),
    });
    expect(jsonOf(await predict({ features: [1, 2] }, '/predict', serviceOver(repositoryOf(judged))))).toMatchObject({
      prediction: [[0.25, 0.75]],
    });
  });
});

describe('the model of /predict', () => {
  const texts = servedModel({ name: 'texts', inputs: [{ name: 'x', datatype: 'BYTES', shape: [-1] }] });
  const several = serviceOver(repositoryOf(sum, servedModel({ name: 'other' }), texts));

  test('is named in the query or in the body', async () => {
    for (const [body, target] of [
      [{ features: [1, 2] }, '/predict?model=sum'],
      [{ features: [1, 2], model: 'sum', version: '1.0.0' }, '/predict'],
    ] as const)
      expect(jsonOf(await predict(body, target, several))).toMatchObject({ model: 'sum', prediction: [3] });
  });

  test.each([
    ['is not named among several', '/predict', 400, 'REQUEST_INVALID'],
    ['is not there', '/predict?model=nobody', 404, 'MODEL_NOT_FOUND'],
    ['does not take one FP32 tensor', '/predict?model=texts', 400, 'MODEL_NOT_TABULAR'],
  ])('refused when it %s', async (_, target, status, code) => {
    expect(await predict({ features: [1, 2] }, target, several)).toMatchObject({
      status,
      headers: { 'shoal-error-code': code },
    });
  });

  test('is missed where no model fits', async () => {
    expect(await predict({ features: [1] }, '/predict', serviceOver(repositoryOf(texts)))).toMatchObject({
      status: 404,
    });
  });
});

describe('features that are wrong', () => {
  test.each([
    ['no JSON', '{', 400, 'REQUEST_INVALID'],
    ['not there', '{}', 400, 'REQUEST_INVALID'],
    ['empty', { features: [] }, 400, 'REQUEST_INVALID'],
    ['text', { features: ['a'] }, 400, 'REQUEST_INVALID'],
    ['nested too deep', { features: [[[1]]] }, 400, 'REQUEST_INVALID'],
    ['nested far too deep', '[[[[[1]]]]]', 400, 'REQUEST_INVALID'],
    ['beside something unknown', { features: [1, 2], feature: 1 }, 400, 'REQUEST_INVALID'],
    ['too many', { features: [1, 2, 3] }, 400, 'INPUT_SHAPE_INVALID'],
    ['of uneven rows', { features: [[1, 2], [1]] }, 400, 'INPUT_SHAPE_INVALID'],
    ['more than it reads', { features: Array.from({ length: 80_000 }, () => 1) }, 413, 'REQUEST_TOO_LARGE'],
  ])('%s: refused', async (_, body, status, code) => {
    expect(await predict(body)).toMatchObject({ status, headers: { 'shoal-error-code': code } });
  });

  test('an answer that is not finite is an error with its place', async () => {
    const infinite = servedModel({
      infer: () => ({
        elapsedMs: 1,
        outputs: { y: { datatype: 'FP32', shape: [1, 2], data: Float32Array.of(1, -Infinity) } },
      }),
    });
    const answer = await predict({ features: [1, 2] }, '/predict', serviceOver(repositoryOf(infinite)));
    expect(answer).toMatchObject({ status: 422, headers: { 'shoal-error-code': 'TENSOR_NOT_FINITE' } });
    expect(jsonOf(answer)).toEqual({ error: expect.stringContaining('"y"[1]') });
  });
});
