import { describe, expect, test } from '@jest/globals';
import type { CompletedInputs, ServedAnswer, ServedModel } from '@shoal/models';
import type { Tensors } from '@shoal/protocol';
import { ask, inferBody, jsonOf, repositoryOf, serviceOver, servedModel } from './served-fixture.ts';

/** score = 2 x0 + 3 x1, for each row. */
const weigh = ({ x }: Tensors): ServedAnswer => {
  const data = x?.data as Float32Array;
  const score = Float32Array.from(
    { length: data.length / 2 },
    (_, row) => 2 * (data[row * 2] ?? 0) + 3 * (data[row * 2 + 1] ?? 0),
  );
  return { outputs: { y: { datatype: 'FP32', shape: [score.length], data: score } }, elapsedMs: 1 };
};
const weighing = servedModel({ outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }], infer: weigh });
const infer = (model: ServedModel, body: object) =>
  ask(serviceOver(repositoryOf(model)), 'POST', `/v2/models/${model.manifest.name}/infer`, { body });

describe('an explanation', () => {
  test('says what each feature adds to the score, and leaves the answer as it is', async () => {
    const answer = await infer(weighing, inferBody([5, 7], { parameters: { explain: true } }));
    expect(jsonOf(answer)).toMatchObject({
      outputs: [{ name: 'y', shape: [1], data: [31] }],
      parameters: {
        explanation: { method: 'occlusion', output: 'y', score: 31, changes: { feature_0: 10, feature_1: 21 } },
      },
    });
  });

  test('holds a feature against the neutral value that is given', async () => {
    const changesFrom = async (baseline: unknown): Promise<unknown> => {
      const explain = { method: 'occlusion', baseline };
      const answer = jsonOf(await infer(weighing, inferBody([5, 7], { parameters: { explain } })));
      return (answer as { parameters: { explanation: { changes: unknown } } }).parameters.explanation.changes;
    };
    expect(await changesFrom(1)).toEqual({ feature_0: 8, feature_1: 18 });
    expect(await changesFrom([5, 0])).toEqual({ feature_0: 0, feature_1: 21 });
  });

  test('is of the most probable class', async () => {
    const spread = servedModel({
      infer: ({ x }) => ({
        outputs: { y: { datatype: 'FP32', shape: x?.shape ?? [], data: x?.data ?? [] } },
        elapsedMs: 1,
      }),
    });
    expect(jsonOf(await infer(spread, inferBody([0.25, 0.75], { parameters: { explain: true } })))).toMatchObject({
      parameters: { explanation: { score: 0.75, changes: { feature_0: 0, feature_1: 0.75 } } },
    });
  });

  const integers = servedModel({ inputs: [{ name: 'x', datatype: 'INT64', shape: [-1, 2] }] });
  const scoreless = servedModel({
    infer: () => ({ outputs: { y: { datatype: 'BYTES', shape: [0], data: [] } }, elapsedMs: 1 }),
  });
  test.each([
    ['two rows', weighing, inferBody([1, 2, 3, 4], { parameters: { explain: true } }), 'EXPLANATION_UNSUPPORTED'],
    [
      'integers',
      integers,
      { inputs: [{ name: 'x', datatype: 'INT64', shape: [1, 2], data: [1, 2] }], parameters: { explain: true } },
      'EXPLANATION_UNSUPPORTED',
    ],
    [
      'an answer without a score',
      scoreless,
      inferBody([1, 2], { parameters: { explain: true } }),
      'EXPLANATION_UNSUPPORTED',
    ],
    [
      'a neutral row of another length',
      weighing,
      inferBody([1, 2], { parameters: { explain: { method: 'occlusion', baseline: [1] } } }),
      'REQUEST_INVALID',
    ],
    [
      'another method',
      weighing,
      inferBody([1, 2], { parameters: { explain: { method: 'oracle' } } }),
      'SCHEMA_INVALID',
    ],
  ] as const)('of %s is refused', async (_, model, body, code) => {
    expect(await infer(model, body)).toMatchObject({ status: 400, headers: { 'shoal-error-code': code } });
  });
});

describe('an entity', () => {
  const complete = async (inputs: Tensors, entity: string): Promise<CompletedInputs> => ({
    inputs:
      inputs['x'] === undefined
        ? { x: { datatype: 'FP32', shape: [1, 2], data: Float32Array.of(1, Number(inputs['b']?.data[0] ?? 2)) } }
        : inputs,
    parameters: { entity, features_stale: ['b'] },
  });
  const knowing: ServedModel = { ...weighing, complete };

  test('is looked up where the request does not bring the inputs', async () => {
    const answer = await infer(knowing, { inputs: [], parameters: { entity: 'pump-07' } });
    expect(jsonOf(answer)).toMatchObject({
      outputs: [{ data: [8] }],
      parameters: { entity: 'pump-07', features_stale: ['b'] },
    });
  });

  test('may be asked for with /predict, single features outweighing what is known', async () => {
    const service = serviceOver(repositoryOf(knowing));
    const predict = async (body: object) => jsonOf(await ask(service, 'POST', '/predict', { body }));
    expect(await predict({ entity: 'pump-07' })).toMatchObject({ prediction: [8], parameters: { entity: 'pump-07' } });
    expect(await predict({ entity: 'pump-07', features: { b: 4 } })).toMatchObject({ prediction: [14] });
    expect(await predict({ entity: 'pump-07', features: [5, 7] })).toMatchObject({ prediction: [31] });
  });

  test('is refused where nothing is known of entities, and features by name without one', async () => {
    const refused = await infer(weighing, { inputs: [], parameters: { entity: 'pump-07' } });
    expect(refused).toMatchObject({ status: 400, headers: { 'shoal-error-code': 'ENTITY_UNSUPPORTED' } });
    for (const body of [{}, { features: { b: 4 } }]) {
      const answer = await ask(serviceOver(repositoryOf(knowing)), 'POST', '/predict', { body });
      expect(answer).toMatchObject({ status: 400, headers: { 'shoal-error-code': 'REQUEST_INVALID' } });
    }
  });
});
