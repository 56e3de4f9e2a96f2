import { describe, expect, test } from '@jest/globals';
import { faultAnswer, ModelError, MODEL_ERRORS, type ModelErrorCode, type ServedModel } from '@shoal/models';
import { ProtocolError } from '@shoal/protocol';
import { ask, inferBody, jsonOf, repositoryOf, serviceOver, servedModel } from './served-fixture.ts';

const service = serviceOver(repositoryOf(servedModel()));

describe('a request that is wrong', () => {
  const deep = `${'['.repeat(40)}1${']'.repeat(40)}`;
  const input = (patch: object) => ({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2], ...patch }],
  });
  test.each([
    ['no JSON', '{', {}, [400, 'PAYLOAD_NOT_JSON']],
    ['an empty body', '', {}, [400, 'PAYLOAD_NOT_JSON']],
    ['no inputs', '{}', {}, [400, 'SCHEMA_INVALID']],
    ['a negative dimension', input({ shape: [-1, 2] }), {}, [400, 'TENSOR_SHAPE_INVALID']],
    ['too many elements', input({ data: [1, 2, 3] }), {}, [400, 'TENSOR_SIZE_MISMATCH']],
    ['too few elements', input({ data: [1] }), {}, [400, 'TENSOR_SIZE_MISMATCH']],
    ['a value its datatype cannot hold', input({ data: [1, 'one'] }), {}, [400, 'TENSOR_VALUE_INVALID']],
    ['null for a number', input({ data: [1, null] }), {}, [400, 'TENSOR_VALUE_INVALID']],
    ['an unknown datatype', input({ datatype: 'FP8' }), {}, [400, 'TENSOR_DATATYPE_UNKNOWN']],
    ['data and binary data', input({ parameters: { binary_data_size: 8 } }), {}, [400, 'TENSOR_DATA_MISSING']],
    ['no data', input({ data: undefined }), {}, [400, 'TENSOR_DATA_MISSING']],
    ['more elements than can be', input({ shape: [1_000_000, 1_000_000] }), {}, [413, 'INFERENCE_TOO_LARGE']],
    ['elements beyond counting', input({ shape: [9e15, 9e15] }), {}, [400, 'TENSOR_SHAPE_INVALID']],
    ['deep nesting', deep, {}, [400, 'PAYLOAD_TOO_DEEP']],
    ['a priority below none', { ...input({}), parameters: { priority: -1 } }, {}, [400, 'SCHEMA_INVALID']],
    ['a timeout in words', { ...input({}), parameters: { timeout: 'soon' } }, {}, [400, 'SCHEMA_INVALID']],
    [
      'a header length over the body',
      '{}',
      { 'inference-header-content-length': '9' },
      [400, 'BINARY_HEADER_OUT_OF_RANGE'],
    ],
    ['a header length in words', '{}', { 'inference-header-content-length': 'x' }, [400, 'BINARY_HEADER_OUT_OF_RANGE']],
    ['a compressed body', '{}', { 'content-encoding': 'gzip' }, [415, 'CONTENT_ENCODING_UNSUPPORTED']],
    ['an unknown encoding', '{}', { 'content-encoding': 'made-up' }, [415, 'CONTENT_ENCODING_UNSUPPORTED']],
    ['a raw body of half an element', 'abc', { 'inference-header-content-length': '0' }, [400, 'TENSOR_SHAPE_INVALID']],
  ])('with %s is answered so', async (_, body, headers, outcome) => {
    const answer = await ask(service, 'POST', '/v2/models/echo/infer', { body, headers });
    expect([answer.status, answer.headers['shoal-error-code']]).toEqual(outcome);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(jsonOf(answer)).toEqual({ error: expect.any(String) });
  });

  test('that names an input twice is refused', async () => {
    const [one] = input({}).inputs;
    const answer = await ask(service, 'POST', '/v2/models/echo/infer', { body: { inputs: [one, one] } });
    expect(answer).toMatchObject({ status: 400, headers: { 'shoal-error-code': 'TENSOR_NAME_DUPLICATE' } });
  });

  test('with bytes behind its last binary tensor is refused', async () => {
    const head = JSON.stringify({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 8 } }],
    });
    const headers = { 'inference-header-content-length': String(head.length) };
    const codes = [9, 8, 7].map(async (length) => {
      const body = Buffer.concat([Buffer.from(head), Buffer.alloc(length)]);
      return (await ask(service, 'POST', '/v2/models/echo/infer', { body, headers })).headers['shoal-error-code'];
    });
    expect(await Promise.all(codes)).toEqual(['BINARY_TOO_LONG', undefined, 'BINARY_TOO_SHORT']);
  });
});

describe('a fault of the model', () => {
  const STATUS: Partial<Record<ModelErrorCode, number>> = {
    MODEL_NOT_FOUND: 404,
    ROUTE_NOT_FOUND: 404,
    METHOD_NOT_ALLOWED: 405,
    REQUEST_TOO_LARGE: 413,
    INPUT_TOO_LARGE: 413,
    CONTENT_ENCODING_UNSUPPORTED: 415,
    INPUT_BREAKS_MODEL: 422,
    OUTPUT_NOT_FINITE: 422,
    VERSION_UNKNOWN: 404,
    VERSION_LABELED: 409,
    LABEL_CONFLICT: 409,
    ENGINE_BUSY: 429,
    QUEUE_FULL: 429,
    VERSION_NOT_READY: 503,
    DEADLINE_UNMEETABLE: 504,
    MODEL_RUN_FAILED: 500,
    OUTPUT_MISMATCH: 500,
    REPOSITORY_FIXED: 501,
    MODEL_CLOSED: 503,
    MODEL_QUARANTINED: 503,
    ENGINE_UNAVAILABLE: 503,
    ENGINE_CLOSED: 503,
    ENGINE_CRASHED: 503,
    ENGINE_OUT_OF_MEMORY: 503,
    ENGINE_PROTOCOL_INVALID: 503,
    ENGINE_TIMEOUT: 504,
    INPUT_SHAPE_INVALID: 400,
    INPUT_BYTES_NOT_UTF8: 400,
    BUNDLE_UNSIGNED: 400,
    GOLDEN_MISMATCH: 400,
    MODEL_LOAD_FAILED: 400,
  };

  test.each(Object.entries(STATUS))('%s is %i', (code, status) => {
    const answer = faultAnswer(new ModelError(code as ModelErrorCode, 'Why.'));
    expect(answer).toMatchObject({ status, headers: { 'shoal-error-code': code } });
    expect(jsonOf(answer)).toEqual({ error: 'Why.' });
  });

  test('has a status of a fault whatever its code is, and retry-after only when the queue is full', () => {
    for (const code of Object.keys(MODEL_ERRORS) as ModelErrorCode[]) {
      const { status, headers } = faultAnswer(new ModelError(code, ''), { retryAfterMs: 2_400 });
      const isFull = code === 'ENGINE_BUSY' || code === 'QUEUE_FULL';
      expect(status).toBeGreaterThanOrEqual(400);
      expect([code, headers['retry-after']]).toEqual([code, isFull ? '3' : undefined]);
    }
  });

  test('that knows itself when there is room is believed before its host', () => {
    const full = new ModelError('QUEUE_FULL', 'full', { retryAfterMs: 6_100 });
    expect(faultAnswer(full, { retryAfterMs: 2_400 }).headers['retry-after']).toBe('7');
  });

  test('without a code is 500, a fault of a codec 400', () => {
    expect(faultAnswer(new Error('odd'))).toMatchObject({ status: 500, headers: { 'shoal-error-code': 'INTERNAL' } });
    expect(faultAnswer(new ProtocolError('TENSOR_INVALID', 'x'))).toMatchObject({ status: 400 });
  });

  test('that is a full queue says when it has room', async () => {
    const busy = servedModel({
      retryAfterMs: 4_100,
      infer: () => {
        throw new ModelError('ENGINE_BUSY', 'full');
      },
    });
    const answer = await ask(serviceOver(repositoryOf(busy)), 'POST', '/v2/models/echo/infer', { body: inferBody() });
    expect(answer).toMatchObject({ status: 429, headers: { 'retry-after': '5' } });
  });
});

describe('a full line', () => {
  const full: ServedModel = {
    ...servedModel(),
    refuseUnread: (_, mayOvertake) =>
      mayOvertake() ? undefined : new ModelError('QUEUE_FULL', '64 rows wait', { retryAfterMs: 1_500 }),
  };
  const crowded = serviceOver(repositoryOf(full));

  test('refuses what it need not read', async () => {
    const answer = await ask(crowded, 'POST', '/v2/models/echo/infer', { body: '{ never parsed' });
    expect(answer).toMatchObject({ status: 429, headers: { 'shoal-error-code': 'QUEUE_FULL', 'retry-after': '2' } });
  });

  test('reads what may overtake', async () => {
    const body = inferBody([1, 2], { parameters: { priority: 1 } });
    expect((await ask(crowded, 'POST', '/v2/models/echo/infer', { body })).status).toBe(200);
  });

  test('looks for a priority in the JSON alone', async () => {
    const head = JSON.stringify({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 10 } }],
    });
    const headers = { 'inference-header-content-length': String(head.length) };
    const body = Buffer.from(`${head}"priority"`);
    expect((await ask(crowded, 'POST', '/v2/models/echo/infer', { body, headers })).status).toBe(429);
  });
});
