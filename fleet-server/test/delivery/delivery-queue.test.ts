/** What is handed over: stored once by its id, within the bound of what may wait, and never too large to go on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { PrometheusMetrics } from '../../src/adapters/embedded/prometheus-metrics.ts';
import { SystemClock } from '../../src/adapters/embedded/system-clock.ts';
import { loadConfig } from '../../src/config.ts';
import type { ControlDatabase } from '../../src/db/database.ts';
import { openSqliteDatabase } from '../../src/db/open-database.ts';
import type { DeliveryIntent } from '../../src/delivery/delivery-intent.ts';
import { DeliveryQueue } from '../../src/delivery/delivery-queue.service.ts';
import { Surroundings } from '../../src/delivery/surroundings.service.ts';

const intentOf = (id: string, over: Partial<DeliveryIntent> = {}): DeliveryIntent => ({
  id,
  channel: { type: 'email', to: 'ops@example.org' },
  subject: 'alert.fired',
  body: { value: 1 },
  source: { kind: 'alert', id: 'a-1' },
  ...over,
});

describe('the queue of deliveries', () => {
  let folder: string;
  let database: ControlDatabase;
  let queue: DeliveryQueue;
  const metrics = new PrometheusMetrics();
  const open = async (): Promise<void> => {
    database = (await openSqliteDatabase(join(folder, 'control.db'), 0)).database;
    const environment = { SHOAL_DELIVERY_MAX_PENDING: '3', SHOAL_DELIVERY_BODY_BYTES: '100' };
    const { delivery, smtp } = loadConfig({ file: undefined, environment, flags: {} });
    const options = { delivery, smtp, secretsDir: folder };
    queue = new DeliveryQueue(
      database,
      new Surroundings(new SystemClock(), metrics, pino({ level: 'silent' }), options),
    );
    await queue.start();
  };
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shoal-queue-'));
    await open();
  });
  afterEach(async () => {
    await database.destroy();
    rmSync(folder, { recursive: true });
  });
  const rows = (): Promise<{ id: string; state: string; body: string }[]> =>
    database.selectFrom('deliveries').select(['id', 'state', 'body']).orderBy('id').execute();

  it('stores an id once, whatever comes under it later, also in one go', async () => {
    await queue.hand([intentOf('a'), intentOf('a', { body: { value: 2 } }), intentOf('b')]);
    await queue.hand([intentOf('b', { body: { value: 3 } })]);
    expect((await rows()).map(({ id, body }) => [id, body])).toEqual([
      ['a', '{"value":1}'],
      ['b', '{"value":1}'],
    ]);
  });

  it('takes no more than may wait, and takes them again when some have gone, also after a start', async () => {
    await queue.hand([intentOf('a'), intentOf('b')]);
    await expect(queue.hand([intentOf('c'), intentOf('d')])).rejects.toMatchObject({
      code: 'DELIVERY_QUEUE_FULL',
      retryable: true,
    });
    await database.destroy();
    await open();
    await expect(queue.hand([intentOf('c'), intentOf('d')])).rejects.toMatchObject({ code: 'DELIVERY_QUEUE_FULL' });
    queue.settled();
    await queue.hand([intentOf('c'), intentOf('d')]);
    expect(await rows()).toHaveLength(4);
  });

  it('records what is too large as failed, so that its owner can go on', async () => {
    await queue.hand([intentOf('large', { body: { text: 'x'.repeat(200) } }), intentOf('small')]);
    expect((await rows()).map(({ id, state, body }) => [id, state, body])).toEqual([
      ['large', 'failed', 'null'],
      ['small', 'pending', '{"value":1}'],
    ]);
  });
});
