/** A server killed while it is asked for predictions and while it answers them: each is answered once, by the model it was asked of. */
import { afterEach, expect, test } from '@jest/globals';
import type { Page, PredictionSubmitBatchAnswer, PredictionTicket } from '@shoal/protocol';
import { eventually } from './support/eventually.ts';
import { Cleanup, getJson, temporaryFolder, testbed } from './support/rig.ts';

const cleanup = new Cleanup();
afterEach(async () => cleanup.run(), 40_000);

const REQUESTS = 900;
const BATCH = 60;
const KILLS = 3;

/** The shipped model answers with the largest of these deviations. */
const requestOf = (index: number) => ({
  model: 'pump-anomaly',
  version: '1.1.0',
  idempotencyKey: `request-${index}`,
  features: [index / 1_024, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
});

test('every acknowledged prediction is answered once across kill -9', async () => {
  const bed = await testbed(temporaryFolder(cleanup), cleanup);
  const api = (path: string): string => `${bed.httpUrl}/api/predictions${path}`;
  const acknowledged = new Map<number, string>();
  const send = async (indices: readonly number[]): Promise<void> => {
    const response = await fetch(api('/batch'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ requests: indices.map(requestOf) }),
    });
    const { items } = (await response.json()) as PredictionSubmitBatchAnswer;
    for (const [at, { ticket }] of items.entries()) if (ticket) acknowledged.set(indices[at] ?? -1, ticket.id);
  };
  const sendAll = async (): Promise<void> => {
    for (let first = 0; first < REQUESTS; first += BATCH) {
      const missing = Array.from({ length: BATCH }, (_, offset) => first + offset).filter(
        (at) => !acknowledged.has(at),
      );
      if (missing.length > 0) await send(missing).catch(() => undefined);
    }
  };
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const sending = sendAll();
    await eventually('tickets are open', () => acknowledged.size >= (kill * REQUESTS) / (KILLS + 1));
    await bed.killServer();
    await sending;
    await bed.startServer();
  }
  await eventually('all are acknowledged', async () => {
    await sendAll();
    return acknowledged.size === REQUESTS;
  });
  await eventually(
    'all are answered',
    async () => (await getJson<Page<PredictionTicket>>(api('?state=queued&limit=1'))).items.length === 0,
    60_000,
  );
  const running = (await getJson<Page<PredictionTicket>>(api('?state=running'))).items;
  for (const { links } of running) await getJson(`${bed.httpUrl}${links.self}?wait=60`);
  const text = await (await fetch(api('?format=ndjson'))).text();
  const tickets = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as PredictionTicket);
  expect(new Set(tickets.map(({ id }) => id))).toEqual(new Set(acknowledged.values()));
  expect(tickets).toHaveLength(REQUESTS);
  const byId = new Map(tickets.map((ticket) => [ticket.id, ticket]));
  const answers = [...acknowledged].map(([index, id]) => {
    const { state, answers: count, answer } = byId.get(id) as PredictionTicket;
    return { index, state, count, prediction: answer?.prediction };
  });
  expect(answers).toEqual(
    [...acknowledged.keys()].map((index) => ({ index, state: 'succeeded', count: 1, prediction: [index / 1_024] })),
  );
}, 240_000);
