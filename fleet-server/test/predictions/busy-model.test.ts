/** Tickets whose model is busy for long: canceled, expired, refused when there are too many, and no burden to those who wait. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { PredictionTicket, Problem } from '@shoal/protocol';
import { call, type Answer } from '../call.ts';
import { LONG, startTurningServer } from '../inference/turning-server.ts';
import { until, type TestServer } from '../running-server.ts';

let server: TestServer;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ server, remove } = await startTurningServer({
    SHOAL_PREDICTIONS_MAX_OPEN: '3',
    SHOAL_INFERENCE_INSTANCES: '1',
    SHOAL_PREDICTIONS_RUN_TIMEOUT_MS: '100000',
  }));
}, 120_000);
afterAll(() => remove());

const inputs = (turns: number) => [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [turns] }];
const submit = <T = PredictionTicket>(turns: number, more: object = {}): Promise<Answer<T>> =>
  call<T>('POST', `${server.httpUrl}/api/predictions`, { model: 'turning', inputs: inputs(turns), ...more });
const show = async (id: string, wait = 0): Promise<PredictionTicket> =>
  (await call<PredictionTicket>('GET', `${server.httpUrl}/api/predictions/${id}?wait=${wait}`)).body;

test('behind a long run tickets wait, are canceled, expire, and are refused when there are too many', async () => {
  const { body: long } = await submit(LONG);
  await until(async () => (await show(long.id)).state === 'running');
  const brief = await submit(1, { wait: 0.05 });
  expect([brief.status, ['queued', 'running']]).toEqual([202, expect.arrayContaining([brief.body.state])]);
  const { body: hurried } = await submit(1, { ttlS: 1 });
  const refused = await submit<Problem>(1);
  expect([refused.status, refused.body.code]).toEqual([429, 'PREDICTION_QUEUE_FULL']);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(await show(hurried.id, 60)).toMatchObject({ state: 'expired', answers: 0 });
  const canceled = await call<PredictionTicket>('POST', `${server.httpUrl}${brief.body.links.cancel}`);
  expect([canceled.status, canceled.body.state]).toEqual([200, 'canceled']);
  const again = await call<PredictionTicket>('POST', `${server.httpUrl}${brief.body.links.cancel}`, {});
  expect([again.status, again.body]).toEqual([200, canceled.body]);
  const retried = await call<PredictionTicket>('POST', `${server.httpUrl}${brief.body.links.retry}`, { ttlS: 60 });
  expect(retried.body.expiresAt).toBeLessThan(brief.body.expiresAt);
  const open = await call<PredictionTicket>('POST', `${server.httpUrl}${brief.body.links.retry}`);
  expect([open.status, open.body.expiresAt]).toEqual([202, retried.body.expiresAt]);
  const { body: ended } = await call<PredictionTicket>('POST', `${server.httpUrl}${long.links.cancel}`);
  expect(ended).toMatchObject({ state: 'canceled', answer: null });
  expect(await server.metric('shoal_predictions_finished_total{state="expired"}')).toBe(1);
  expect(await server.metric('shoal_predictions_submitted_total{outcome="full"}')).toBe(1);
});
