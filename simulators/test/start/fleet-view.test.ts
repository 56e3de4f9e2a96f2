/** The live table shows what is known, and stays a table while the server is away. */
import { afterEach, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fleetTable, summaryLine, viewFleet, type FleetMember } from '../../src/start/fleet-view.ts';

const member = (deviceId: string, kind: FleetMember['kind']): FleetMember => ({
  deviceId,
  kind,
  link: () => 'ready',
  sent: () => 12,
  outbox: () => 3,
});
const members = [member('pump-01', 'full'), member('pump-02', 'light'), member('pump-03', 'light')];
const summary = {
  at: 1,
  devices: { total: 2, byState: { online: 2, offline: 0 } },
  connections: 2,
  rates: { records: 2.04, predictions: 0.1, messages: 2, deadLetters: 0 },
  totals: { records: 1, duplicates: 0, deadLetters: 0, droppedOnDevices: 0 },
  predictionSources: {},
  models: [],
  storage: { state: 'ok', why: null, sizeBytes: 1 },
};
const prediction = {
  sequence: 1,
  observedAt: 1,
  model: { name: 'm', version: '1' },
  window: { startAt: 0, endAt: 1, count: 1 },
  outputs: { score: 7.125 },
  threshold: 5,
  source: 'edge',
  deviceId: 'pump-01',
  epoch: '0123456789abcdef0123',
  receivedAt: 1,
  eventAt: 1,
  clock: 'good',
};

let server: Server | undefined;
afterEach(() => {
  server?.close();
});

const serving = async (answers: Readonly<Record<string, object>>): Promise<string> => {
  server = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? '';
    response.statusCode = path in answers ? 200 : 404;
    response.end(JSON.stringify(answers[path] ?? {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

test('states, counters and the last score of full agents, with a mark over the threshold', async () => {
  const url = await serving({
    '/api/devices': { items: [{ deviceId: 'pump-01', state: 'online' }], nextCursor: null },
    '/api/overview': summary,
    '/api/devices/pump-01/predictions': { items: [prediction], nextCursor: null },
  });
  const view = await viewFleet(url, members);
  expect(view.rows[0]).toMatchObject({ state: 'online', score: '7.13 !', sent: 12, outbox: 3 });
  expect(view.rows[1]).toMatchObject({ state: '?', score: '' });
  expect(summaryLine(view)).toBe('3 devices: 2 online; 2.0 records/s, 0.10 predictions/s; sent 36, waiting 9');
  const table = fleetTable(view, 2);
  expect(table).toContain('pump-02');
  expect(table).not.toContain('pump-03');
  expect(table).toContain('… and 1 more');
});

test('a server that is away, or talks nonsense, is said to be', async () => {
  const view = await viewFleet(await serving({ '/api/overview': { nonsense: true } }), members);
  expect(summaryLine(view)).toBe('3 devices: the server does not answer; sent 36, waiting 9');
  server?.close();
  expect((await viewFleet('http://127.0.0.1:1', members)).rows).toHaveLength(3);
});
