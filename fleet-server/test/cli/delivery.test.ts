/** `shoal delivery` against the whole server. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WebhookReceiver } from '../delivery/webhook-receiver.ts';
import { startTestServer, type TestServer } from '../running-server.ts';
import { shoal as run, type Outcome } from './run-shoal.ts';

let server: TestServer;
const receiver = new WebhookReceiver();
beforeAll(async () => {
  await receiver.start();
  server = await startTestServer({ SHOAL_DELIVERY_ALLOWED_HOSTS: '127.0.0.1' });
});
afterAll(async () => {
  await server.stopAndRemove();
  await receiver.stop();
});

const shoal = (...words: string[]): Promise<Outcome> =>
  run(['delivery', ...words], { environment: { SHOAL_SERVER: server.httpUrl } });

test('a secret is made, a test message arrives signed, and the log shows it', async () => {
  expect((await shoal('ls')).stderr).toContain('No delivery matches.');
  const made = await shoal('secret', 'new', 'ops');
  receiver.secret = made.stdout.trim();
  const sent = await shoal('test', '--webhook', receiver.url, '--secret', 'ops');
  expect([sent.exitCode, sent.stderr]).toEqual([0, expect.stringContaining('arrived')]);
  const [received] = receiver.received;
  expect(received).toMatchObject({ isSigned: true, body: { type: 'delivery.test' } });
  const id = received?.id ?? '';
  expect((await shoal('ls', '--state', 'delivered')).stdout).toMatch(new RegExp(`${id} +delivered +delivery.test`));
  const shown = await shoal('get', id);
  expect(shown.stdout).toMatch(/1 +\S+Z +\d+ +delivered +204/);
  expect((await shoal('send-again', id, '--note', 'once more')).exitCode).toBe(0);
  expect(receiver.received.map((each) => each.id)).toEqual([id, id]);
  const rotated = await shoal('secret', 'rotate', 'ops');
  expect(rotated.stdout).toMatch(/^whsec_/);
  expect((await shoal('secret', 'ls')).stdout).toMatch(/ops +2/);
  expect((await shoal('secret', 'rm', 'ops')).exitCode).toBe(2);
  expect((await shoal('secret', 'rm', 'ops', '--yes')).exitCode).toBe(0);
});

test('what does not arrive is said with its reason', async () => {
  const inside = await shoal('test', '--webhook', 'https://192.168.0.1/');
  expect([inside.exitCode, inside.stderr]).toEqual([
    1,
    expect.stringMatching(/DELIVERY_NOT_ARRIVED: .* not in delivery.allowedHosts/),
  ]);
  expect((await shoal('test', '--webhook', 'https://example.org/', '--email', 'a@example.org')).exitCode).toBe(2);
  expect((await shoal('get', 'nobody')).exitCode).toBe(3);
});
