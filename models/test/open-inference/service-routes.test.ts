import { describe, expect, test } from '@jest/globals';
import { ModelError, OPEN_INFERENCE_ROUTES, type ModelRepository } from '@shoal/models';
import { ask, inferBody, jsonOf, repositoryOf, serviceOver, servedModel, X, Y } from './served-fixture.ts';

const two = [servedModel({ version: '2.0.0' }), servedModel({ version: '1.0.0' })];
const service = serviceOver(repositoryOf(...two, servedModel({ name: 'cold', state: 'LOADING', reason: 'soon' })));
const warm = serviceOver(repositoryOf(...two));

describe('the server', () => {
  test.each(['/v2', '/v2/'])('says at %s what it is', async (path) => {
    const answer = await ask(service, 'GET', path);
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
    expect(jsonOf(answer)).toEqual({
      name: 'shoal-test',
      version: '9.9.9',
      extensions: ['binary_tensor_data', 'model_configuration', 'model_repository', 'schedule_policy', 'statistics'],
    });
  });

  test('lives', async () => {
    expect(jsonOf(await ask(service, 'GET', '/v2/health/live'))).toEqual({ live: true });
  });

  test('is ready when every model is, and says it in both words', async () => {
    const ready = await ask(warm, 'GET', '/v2/health/ready');
    expect([ready.status, jsonOf(ready)]).toEqual([200, { live: true, ready: true }]);
    const notYet = await ask(service, 'GET', '/v2/health/ready');
    expect([notYet.status, jsonOf(notYet)]).toEqual([503, { live: true, ready: false }]);
  });
});

describe('a model', () => {
  test.each([
    ['/v2/models/echo', ['2.0.0', '1.0.0']],
    ['/v2/models/echo/versions/1.0.0', ['2.0.0', '1.0.0']],
  ])('has metadata at %s', async (path, versions) => {
    expect(jsonOf(await ask(service, 'GET', path))).toEqual({
      name: 'echo',
      versions,
      platform: 'onnx_onnxv1',
      inputs: [X],
      outputs: [Y],
    });
  });

  test.each([
    ['/v2/models/echo/ready', 200, { name: 'echo', ready: true }],
    ['/v2/models/echo/versions/2.0.0/ready', 200, { name: 'echo', ready: true }],
    ['/v2/models/cold/ready', 503, { name: 'cold', ready: false }],
  ])('tells at %s whether it is ready', async (path, status, body) => {
    const answer = await ask(service, 'GET', path);
    expect([answer.status, jsonOf(answer)]).toEqual([status, body]);
  });

  test.each(['/v2/models/echo/config', '/v2/models/echo/versions/2.0.0/config'])(
    'has a configuration at %s',
    async (path) => {
      expect(jsonOf(await ask(service, 'GET', path))).toMatchObject({
        name: 'echo',
        platform: 'onnx_onnxv1',
        backend: 'onnxruntime',
        version_policy: { specific: { versions: ['2.0.0'] } },
        max_batch_size: 0,
        input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [-1, 2] }],
        output: [{ name: 'y', data_type: 'TYPE_FP32', dims: [-1, 2] }],
        instance_group: [{ count: 1, kind: 'KIND_CPU' }],
      });
    },
  );

  test('calls BYTES a string in its configuration', async () => {
    const texts = serviceOver(repositoryOf(servedModel({ inputs: [{ name: 'x', datatype: 'BYTES', shape: [] }] })));
    expect(jsonOf(await ask(texts, 'GET', '/v2/models/echo/config'))).toMatchObject({
      input: [{ data_type: 'TYPE_STRING', dims: [] }],
    });
  });

  test('counts what it did: rows, executions, and where the time went', async () => {
    const failing = servedModel({
      name: 'moody',
      infer: ({ x }) => {
        if (x?.data[0] === 7) throw new ModelError('MODEL_RUN_FAILED', 'seven');
        return { outputs: x === undefined ? {} : { y: x }, elapsedMs: 0.5 };
      },
    });
    const counted = serviceOver(repositoryOf(failing));
    await ask(counted, 'POST', '/v2/models/moody/infer', { body: inferBody([1, 2, 3, 4, 5, 6]) });
    await ask(counted, 'POST', '/v2/models/moody/infer', { body: inferBody([7, 7]) });
    const [stats] = (jsonOf(await ask(counted, 'GET', '/v2/models/moody/stats')) as { model_stats: object[] })
      .model_stats;
    const once = { count: 1, ns: expect.any(Number) };
    expect(stats).toMatchObject({
      name: 'moody',
      version: '1.0.0',
      last_inference: 1_760_000_000_000,
      inference_count: 3,
      execution_count: 1,
      inference_stats: {
        success: once,
        fail: once,
        queue: once,
        compute_input: once,
        compute_infer: { count: 1, ns: 500_000 },
        compute_output: once,
        cache_hit: { count: 0, ns: 0 },
        cache_miss: { count: 0, ns: 0 },
      },
      batch_stats: [],
      memory_usage: [],
    });
  });

  test.each([
    ['/v2/models/stats', 3],
    ['/v2/models/echo/stats', 2],
    ['/v2/models/echo/versions/1.0.0/stats', 1],
  ])('has statistics at %s', async (path, count) => {
    expect((jsonOf(await ask(service, 'GET', path)) as { model_stats: object[] }).model_stats).toHaveLength(count);
  });

  test('has an OpenAPI document of its own tensors', async () => {
    const document = jsonOf(await ask(service, 'GET', '/v2/models/echo/docs/dataplane.json'));
    expect(document).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'echo', version: '2.0.0' },
      paths: { '/v2/models/echo/infer': { post: { operationId: 'modelInfer' } } },
    });
    expect(JSON.stringify(document)).toContain('{"const":"FP32"}');
  });
});

describe('the repository', () => {
  const changes: string[] = [];
  const open: ModelRepository = {
    ...repositoryOf(...two),
    unloaded: async () => [{ name: 'shelved', state: 'UNAVAILABLE', reason: 'unloaded' }],
    load: async (name) => {
      if (name !== 'shelved') throw new ModelError('BUNDLE_MISSING', `no bundle ${name}`);
      changes.push(`load ${name}`);
    },
    unload: async (name) => void changes.push(`unload ${name}`),
  };
  const opened = serviceOver(open);

  test('lists what is served and what could be', async () => {
    const entry = (version: string) => ({ name: 'echo', version, state: 'READY', reason: '' });
    const all = [entry('2.0.0'), entry('1.0.0'), { name: 'shelved', state: 'UNAVAILABLE', reason: 'unloaded' }];
    expect(jsonOf(await ask(opened, 'POST', '/v2/repository/index'))).toEqual(all);
    expect(jsonOf(await ask(opened, 'POST', '/v2/repository/index', { body: { ready: true } }))).toEqual(
      all.slice(0, 2),
    );
  });

  test('loads and unloads', async () => {
    expect((await ask(opened, 'POST', '/v2/repository/models/shelved/load')).status).toBe(200);
    const unload = { parameters: { unload_dependents: true } };
    expect((await ask(opened, 'POST', '/v2/repository/models/shelved/unload', { body: unload })).status).toBe(200);
    expect(changes).toEqual(['load shelved', 'unload shelved']);
  });

  test.each([
    ['a model that cannot be read', opened, {}, [400, 'BUNDLE_MISSING']],
    ['files in the request', opened, { parameters: { 'file:1/model.onnx': 'AAAA' } }, [400, 'REQUEST_INVALID']],
    ['a host that loads nothing', service, {}, [501, 'REPOSITORY_FIXED']],
  ] as const)('refuses %s', async (_, host, body, outcome) => {
    const { status, headers } = await ask(host, 'POST', '/v2/repository/models/other/load', { body });
    expect([status, headers['shoal-error-code']]).toEqual(outcome);
  });

  test('refuses a body that is not its own', async () => {
    for (const body of ['{', '{"ready":1}', '[]'])
      expect(await ask(opened, 'POST', '/v2/repository/index', { body })).toMatchObject({ status: 400 });
  });
});

describe('what is not there', () => {
  test.each([
    ['GET', '/v2/models/nobody', 404, 'MODEL_NOT_FOUND'],
    ['GET', '/v2/models/echo/versions/3.0.0', 404, 'MODEL_NOT_FOUND'],
    ['POST', '/v2/models/nobody/infer', 404, 'MODEL_NOT_FOUND'],
    ['GET', '/v2/nothing', 404, 'ROUTE_NOT_FOUND'],
    ['GET', '/v2/models/echo/', 404, 'ROUTE_NOT_FOUND'],
    ['GET', '/v2/models//ready', 404, 'ROUTE_NOT_FOUND'],
    ['GET', '/v2/models/%zz', 400, 'REQUEST_INVALID'],
    ['GET', '/v2/models/echo/infer', 405, 'METHOD_NOT_ALLOWED'],
    ['POST', '/v2/health/live', 405, 'METHOD_NOT_ALLOWED'],
    ['DELETE', '/v2/models/echo', 405, 'METHOD_NOT_ALLOWED'],
  ])('%s %s is %i %s', async (method, path, status, code) => {
    const answer = await ask(service, method, path);
    expect(answer).toMatchObject({ status, headers: { 'shoal-error-code': code } });
    expect(jsonOf(answer)).toEqual({ error: expect.any(String) });
  });

  test('a path of somebody else is left to him', async () => {
    const request = {
      method: 'GET',
      path: '/status',
      query: new URLSearchParams(),
      headers: {},
      body: new Uint8Array(),
    };
    expect(await service.answer(request)).toBeUndefined();
  });

  test('every route answers OPTIONS with its methods, and HEAD as GET', async () => {
    for (const { method, path } of OPEN_INFERENCE_ROUTES) {
      const target = path.replace(':model', 'echo').replace(':version', '2.0.0');
      const options = await ask(warm, 'OPTIONS', target);
      const head = await ask(warm, 'HEAD', target);
      const answered = [target, options.status, options.headers['allow']?.split(', ')[0], head.status];
      expect(answered).toEqual([target, 204, method, method === 'GET' ? 200 : 405]);
    }
  });
});
