/** Asynchronous predictions of the whole server, by a real model: over HTTP, MQTT, server-sent events and webhooks. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  topics,
  type Page,
  type PredictionSubmitBatchAnswer,
  type PredictionTicket,
  type Problem,
} from '@shoal/protocol';
import { connectAsync } from 'mqtt';
import { call } from '../call.ts';
import { WebhookReceiver } from '../delivery/webhook-receiver.ts';
import { until } from '../running-server.ts';
import { MODEL, rowOf, SiteServer } from './site-server.ts';

const sites = new SiteServer();
const receiver = new WebhookReceiver();
const WAIT = { wait: 60 };
const url = (path: string): string => `${sites.server.httpUrl}${path}`;

beforeAll(async () => {
  await receiver.start();
  await sites.start({ SHOAL_DELIVERY_ALLOWED_HOSTS: '127.0.0.1' });
  await sites.put('north', 0.75);
}, 120_000);
afterAll(async () => {
  await sites.remove();
  await receiver.stop();
});

describe('a prediction that is asked for', () => {
  test('is a ticket at once, and answered from the features of the entity', async () => {
    const { status, body, headers } = await sites.submit({ entity: 'north' });
    expect([status, body.state, headers.get('retry-after')]).toEqual([202, 'queued', '1']);
    expect(headers.get('location')).toBe(body.links.self);
    const answered = await sites.show(body.id);
    expect(answered).toMatchObject({
      id: body.id,
      state: 'succeeded',
      model: MODEL,
      version: '1.1.0',
      entity: 'north',
      featureVersion: expect.stringMatching(/^[0-9a-f]{64}$/),
      attempts: 1,
      answers: 1,
      answer: { prediction: [0.75], parameters: { entity: 'north', source: 'server', features_missing: [] } },
      error: null,
    });
  });

  test('with features or inputs is what the model answers at once', async () => {
    const data = rowOf(0.5);
    const inputs = [{ name: 'features', datatype: 'FP32', shape: [1, data.length], data }];
    const now = await call<{ outputs: unknown }>('POST', url(`/v2/models/${MODEL}/infer`), { inputs });
    for (const asked of [{ inputs }, { features: data }, { features: [data] }]) {
      const { status, body } = await sites.submit({ ...asked, ...WAIT });
      expect([status, body.answer?.prediction]).toEqual([200, [0.5]]);
      // JSON that is written anew has no -0.
      expect(body.answer?.outputs).toEqual(JSON.parse(JSON.stringify(now.body.outputs)));
    }
  });

  test('of several rows has an entry a row', async () => {
    const { body } = await sites.submit({ features: [rowOf(0.25), rowOf(0.5)], ...WAIT });
    expect(body.answer?.prediction).toEqual([0.25, 0.5]);
  });

  test('with single features overrides what is known, and is not shared with those who bring none', async () => {
    const { body } = await sites.submit({ entity: 'north', features: { 'site:f0': 0.9 }, ...WAIT });
    expect(body.answer?.prediction[0]).toBeCloseTo(0.9, 6);
    const { body: latest } = await sites.submit({ entity: 'north', maxAgeS: 3_600, ...WAIT });
    expect(latest.answer?.prediction).toEqual([0.75]);
  });

  test('is answered by what is fresh enough, and asked anew otherwise', async () => {
    await sites.put('south', 0.25);
    const first = await sites.submit({ entity: 'south', ...WAIT });
    await sites.put('south', 0.5);
    const fresh = await sites.submit({ entity: 'south', maxAgeS: 600 });
    expect([fresh.status, fresh.body]).toEqual([200, first.body]);
    expect(Number(fresh.headers.get('age'))).toBeGreaterThanOrEqual(0);
    const anew = await sites.submit({ entity: 'south', ...WAIT });
    expect(anew.body.answer?.prediction).toEqual([0.5]);
    const latest = await call<PredictionTicket>('GET', url(`/api/predictions/latest?model=${MODEL}&entity=south`));
    expect([latest.status, latest.body]).toEqual([200, anew.body]);
    const none = await call<Problem>('GET', url(`/api/predictions/latest?model=${MODEL}&entity=nowhere`));
    expect([none.status, none.body.code]).toEqual([404, 'PREDICTION_NOT_FOUND']);
  });

  test('with a key is one ticket, and refused when the key stands for another', async () => {
    const key = { 'idempotency-key': 'order-4711' };
    const first = await sites.submit({ entity: 'north' }, key);
    const again = await sites.submit({ entity: 'north', idempotencyKey: 'order-4711', ...WAIT });
    expect(again.body.id).toBe(first.body.id);
    const other = await sites.submit<Problem>({ entity: 'south' }, key);
    expect([other.status, other.body.code]).toEqual([409, 'IDEMPOTENCY_KEY_REUSED']);
    const both = await sites.submit<Problem>({ entity: 'north', idempotencyKey: 'another' }, key);
    expect([both.status, both.body.code]).toEqual([400, 'REQUEST_INVALID']);
  });

  test.each([
    ['an unknown model', { model: 'nobody', entity: 'north' }, 404, 'MODEL_NOT_FOUND'],
    ['an unknown version', { version: '9.9.9', entity: 'north' }, 404, 'MODEL_NOT_FOUND'],
    ['nothing to predict from', {}, 400, 'PREDICTION_INVALID'],
    ['two things to predict from', { features: rowOf(1), inputs: [] }, 400, 'PREDICTION_INVALID'],
    ['too few features', { features: [1, 2] }, 400, 'INPUT_SHAPE_INVALID'],
    ['no number', { features: ['x'] }, 400, 'REQUEST_INVALID'],
    ['an unknown field', { entity: 'north', colour: 'red' }, 400, 'REQUEST_INVALID'],
    ['a wait that is too long', { entity: 'north', wait: 3_600 }, 400, 'REQUEST_INVALID'],
    ['a missing input', { inputs: [] }, 400, 'INPUT_MISSING'],
    [
      'a malformed tensor',
      { inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 11], data: [1] }] },
      400,
      'TENSOR_SIZE_MISMATCH',
    ],
    ['too many rows', { features: Array.from({ length: 9_000 }, () => rowOf(0.1)) }, 413, 'PREDICTION_INPUT_TOO_LARGE'],
  ])('with %s is refused by name, and no ticket is made', async (_, body, status, code) => {
    const before = (await sites.server.get('/api/predictions?limit=1')) as Page<PredictionTicket>;
    const answer = await sites.submit<Problem>(body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(await sites.server.get('/api/predictions?limit=1')).toEqual(before);
  });

  test('that the model fails on says why, and can be run again', async () => {
    const { body } = await sites.submit({ entity: 'north', features: { 'site:unheard': 1 }, ...WAIT });
    expect(body).toMatchObject({ state: 'failed', answer: null, error: { code: 'FEATURE_UNKNOWN' }, attempts: 1 });
    const retried = await call<PredictionTicket>('POST', url(body.links.retry));
    expect([retried.status, retried.body.state]).toEqual([202, 'queued']);
    expect(await sites.show(body.id)).toMatchObject({ state: 'failed', attempts: 2, answers: 2 });
    const canceled = await call<Problem>('POST', url(body.links.cancel));
    expect([canceled.status, canceled.body.code]).toEqual([409, 'PREDICTION_STATE']);
  });
});

describe('a batch of predictions', () => {
  test('about the same runs the model once, and answers each', async () => {
    await sites.put('east', 0.25);
    const counted = `shoal_inference_exec_count_total{model="${MODEL}",version="1.1.0"}`;
    const before = await sites.server.metric(counted);
    const request = { model: MODEL, entity: 'east' };
    const requests = Array.from({ length: 5 }, () => request);
    const { body } = await call<PredictionSubmitBatchAnswer>('POST', url('/api/predictions/batch'), { requests });
    const ids = body.items.map(({ ticket }) => ticket?.id ?? '');
    expect(new Set(ids).size).toBe(5);
    const shown = await Promise.all(ids.map((id) => sites.show(id)));
    expect(shown.map(({ answer, answers }) => [answer?.prediction, answers])).toEqual(ids.map(() => [[0.25], 1]));
    expect((await sites.server.metric(counted)) - before).toBe(1);
  });

  test('with a key has a key for each of its requests', async () => {
    const requests = [
      { model: MODEL, features: rowOf(0.5) },
      { model: MODEL, features: rowOf(0.25), idempotencyKey: 'own' },
    ];
    const send = () =>
      call<PredictionSubmitBatchAnswer>(
        'POST',
        url('/api/predictions/batch'),
        { requests },
        { 'idempotency-key': 'all' },
      );
    const ids = ({ body }: Awaited<ReturnType<typeof send>>) => body.items.map(({ ticket }) => ticket?.id);
    const [first, again] = [await send(), await send()];
    expect(ids(again)).toEqual(ids(first));
    expect((await sites.submit({ features: rowOf(0.25), idempotencyKey: 'own' })).body.id).toBe(ids(first)[1]);
  });

  test('takes what it can, and says of each what became of it', async () => {
    const requests = [
      { model: MODEL, entity: 'north' },
      { model: 'nobody', entity: 'north' },
      { model: MODEL, features: rowOf(0.5) },
    ];
    const { status, body } = await call<PredictionSubmitBatchAnswer>('POST', url('/api/predictions/batch'), {
      requests,
    });
    expect([status, body.items.map((item) => item.status)]).toEqual([200, [202, 404, 202]]);
    expect(body.items[1]?.problem?.code).toBe('MODEL_NOT_FOUND');
    expect((await sites.show(body.items[2]?.ticket?.id ?? '')).answer?.prediction).toEqual([0.5]);
  });
});

describe('the answer', () => {
  test('is told once on MQTT and in the live feed, as the API shows it', async () => {
    const { mqttPort: port } = sites.server;
    const client = await connectAsync({ protocol: 'mqtt', host: '127.0.0.1', port, clientId: 'sub-predictions' });
    const heard: PredictionTicket[] = [];
    client.on('message', (_, payload) => heard.push(JSON.parse(payload.toString()) as PredictionTicket));
    await client.subscribeAsync(topics.prediction(MODEL, '+'), { qos: 1 });
    const live = await fetch(url('/api/live?topics=tickets'));
    const { body } = await sites.submit({ features: rowOf(0.5) });
    const shown = await sites.show(body.id);
    await until(() => heard.length > 0);
    const next = await sites.submit({ features: rowOf(0.25), ...WAIT });
    await until(() => heard.length > 1);
    expect(heard).toEqual([shown, next.body]);
    await client.endAsync(true);
    let text = '';
    for await (const chunk of live.body ?? []) {
      text += Buffer.from(chunk).toString('utf8');
      if (text.includes(next.body.id)) break;
    }
    const told = text.split('\n').filter((line) => line.startsWith('data: '));
    expect(told.map((line) => JSON.parse(line.slice(6)) as PredictionTicket)).toEqual([shown, next.body]);
  });

  test('is posted to the webhook of the ticket, signed and once, also when handed over after a restart', async () => {
    const { body: secret } = await call<{ secret: string }>('POST', url('/api/webhook-secrets'), { name: 'asker' });
    receiver.secret = secret.secret;
    const webhook = { url: receiver.url, secretName: 'asker' };
    const { body } = await sites.submit({ features: rowOf(0.5), webhook, ...WAIT });
    await until(() => receiver.received.length > 0);
    await sites.restart({ SHOAL_DELIVERY_ALLOWED_HOSTS: '127.0.0.1' });
    const other = await sites.submit({ features: rowOf(0.25), webhook, ...WAIT });
    await until(() => receiver.received.length > 1);
    expect(receiver.received.map((received) => [received.isSigned, received.body])).toEqual(
      [body, other.body].map((data) => [
        true,
        { type: 'prediction.succeeded', timestamp: new Date(data.finishedAt ?? 0).toISOString(), data },
      ]),
    );
    expect(await sites.show(body.id)).toEqual(body);
  });

  test('ends the events of its ticket', async () => {
    const { body } = await sites.submit({ features: rowOf(0.5) });
    const text = await (await fetch(url(body.links.events))).text();
    const states = text
      .split('\n')
      .filter((line) => line.startsWith('data: '))
      .map((line) => (JSON.parse(line.slice(6)) as PredictionTicket).state);
    expect(states.at(-1)).toBe('succeeded');
    const late = await (await fetch(url(body.links.events))).text();
    expect(late).toMatch(/^event: ticket\ndata: .*"succeeded".*\n\n$/);
    expect((await fetch(url('/api/predictions/p-ffffffffffffffffffff/events'))).status).toBe(404);
  });
});
