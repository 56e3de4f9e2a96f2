/** `shoal prediction` against the whole server and a shipped model. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { PredictionTicket } from '@shoal/protocol';
import { startTestServer, type TestServer } from '../running-server.ts';
import { shoal as run, type Outcome } from './run-shoal.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stopAndRemove());

const shoal = (...words: string[]): Promise<Outcome> =>
  run(['prediction', ...words], { environment: { SHOAL_SERVER: server.httpUrl } });
const ROW = JSON.stringify([0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

test('a prediction is asked for, fetched, listed, and found again', async () => {
  expect((await shoal('ls')).stderr).toContain('No ticket matches.');
  const asked = await shoal('submit', 'pump-anomaly', '--entity', 'pump-01', '--features', ROW);
  expect([asked.exitCode, asked.stderr]).toEqual([0, expect.stringContaining('shoal prediction get p-')]);
  const id = /p-[0-9a-f]{20}/.exec(asked.stdout)?.[0] ?? '';
  const fetched = await shoal('get', id, '--wait', '60');
  expect(fetched.stdout).toMatch(/state +succeeded/);
  expect(fetched.stdout).toMatch(/prediction +0\.5/);
  expect((await shoal('ls', '--state', 'succeeded', '--entity', 'pump-01')).stdout).toMatch(
    new RegExp(`${id} +succeeded +pump-anomaly 1\\.1\\.0 +pump-01 .* 0\\.5`),
  );
  expect((await shoal('latest', 'pump-anomaly', 'pump-01')).stdout).toContain(id);
  expect((await shoal('latest', 'pump-anomaly', 'pump-02')).exitCode).toBe(3);
}, 90_000);

test('with a key and --wait it is one ticket, as JSON for programs', async () => {
  const words = ['submit', 'pump-anomaly', '--features', ROW, '--key', 'once', '--wait', '60'];
  const first = await shoal(...words, '--json');
  const again = await shoal(...words, '--json');
  const tickets = [first, again].map(({ stdout }) => JSON.parse(stdout) as PredictionTicket);
  expect(tickets[0]).toEqual(tickets[1]);
  expect(tickets[0]).toMatchObject({ state: 'succeeded', answers: 1 });
}, 90_000);

test('what is refused is told with its exit code', async () => {
  const unknown = await shoal('submit', 'nobody', '--features', ROW);
  expect([unknown.exitCode, unknown.stderr]).toEqual([3, expect.stringContaining('MODEL_NOT_FOUND')]);
  const malformed = await shoal('submit', 'pump-anomaly', '--features', 'x');
  expect([malformed.exitCode, malformed.stderr]).toEqual([2, expect.stringContaining('USAGE_INVALID: features')]);
  const few = await shoal('submit', 'pump-anomaly', '--features', '[1]');
  expect([few.exitCode, few.stderr]).toEqual([2, expect.stringContaining('INPUT_SHAPE_INVALID')]);
  expect((await shoal('get', 'p-ffffffffffffffffffff')).exitCode).toBe(3);
  expect((await shoal('get', 'nonsense')).exitCode).toBe(2);
  const answered = /p-[0-9a-f]{20}/.exec((await shoal('ls', '--state', 'succeeded')).stdout)?.[0] ?? '';
  const canceled = await shoal('cancel', answered);
  expect([canceled.exitCode, canceled.stderr]).toEqual([4, expect.stringContaining('PREDICTION_STATE')]);
  expect((await shoal('retry', answered)).exitCode).toBe(4);
});
