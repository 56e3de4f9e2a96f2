/** The contract of the rows of deliveries, the same on both dialects. */
import { expect, it } from '@jest/globals';
import type { DeliveryRow } from '../../src/db/database.ts';
import type { AttemptRecord, DueDelivery, Outcome } from '../../src/delivery/delivery-intent.ts';
import { DeliveryStore } from '../../src/delivery/delivery.store.ts';
import { onEachDialect } from '../db/on-each-dialect.ts';

/** Beyond 32 bits, as every instant is. */
const AT = 1_760_000_000_123;
const FREE = { ids: [], destinations: [] };

const row = (id: string, over: Partial<DeliveryRow> = {}): DeliveryRow => ({
  id,
  channel_type: 'email',
  channel: '{"type":"email","to":"a@example.org"}',
  destination: 'email',
  subject: 'alert.fired',
  source_kind: 'alert',
  source_id: 'a-1',
  body: '{}',
  state: 'pending',
  created_at: AT,
  round_started_at: AT,
  attempts: 0,
  round_attempts: 0,
  next_attempt_at: AT,
  finished_at: null,
  error_code: null,
  error_message: null,
  ...over,
});

const refused: Outcome = {
  kind: 'failed',
  status: 503,
  answer: 'busy',
  fault: { code: 'DELIVERY_REJECTED', message: 'It answered 503.' },
  isFinal: false,
  retryAfterMs: null,
};

onEachDialect('the rows of deliveries', (database) => {
  const store = new DeliveryStore();
  const insert = (...rows: DeliveryRow[]): Promise<string[]> =>
    database()
      .transaction()
      .execute((transaction) => store.insert(transaction, rows));
  const record = (attempt: AttemptRecord): Promise<void> =>
    database()
      .transaction()
      .execute((transaction) => store.record(transaction, attempt));
  const due = async (now: number, busy = FREE as { ids: string[]; destinations: string[] }): Promise<DueDelivery[]> =>
    store.due(database(), now, 10, busy);
  const only = async (now: number): Promise<DueDelivery> => (await due(now))[0] as DueDelivery;

  it('keep the first of an id', async () => {
    expect(await insert(row('a'), row('b'))).toEqual(['a', 'b']);
    expect(await insert(row('b', { body: '{"other":1}' }), row('c'))).toEqual(['c']);
    expect((await store.find(database(), 'b'))?.body).toBe('{}');
    expect(await store.pendingCount(database())).toBe(3);
  });

  it('are due in the order of their time, without those that are busy', async () => {
    await insert(
      row('late', { next_attempt_at: AT + 2 }),
      row('early'),
      row('elsewhere', { destination: 'example.org', next_attempt_at: AT + 1 }),
      row('done', { state: 'delivered', next_attempt_at: null, finished_at: AT }),
    );
    const ids = async (now: number, busy = FREE as { ids: string[]; destinations: string[] }): Promise<string[]> =>
      (await due(now, busy)).map(({ id }) => id);
    expect(await ids(AT)).toEqual(['early']);
    expect(await ids(AT + 5)).toEqual(['early', 'elsewhere', 'late']);
    expect(await ids(AT + 5, { ids: ['late'], destinations: ['example.org'] })).toEqual(['early']);
    expect(await store.nextDueAt(database(), { ids: ['early'], destinations: [] })).toBe(AT + 1);
    expect(await store.nextDueAt(database(), { ids: [], destinations: ['email', 'example.org'] })).toBeUndefined();
  });

  it('remember every attempt, and begin a new round when sent again', async () => {
    await insert(row('a'));
    const again = { at: AT, durationMs: 7, outcome: refused, state: 'pending', nextAttemptAt: AT + 10 } as const;
    await record({ ...again, delivery: await only(AT) });
    await record({ ...again, delivery: await only(AT + 10), state: 'failed', nextAttemptAt: null });
    expect(await store.find(database(), 'a')).toMatchObject({
      state: 'failed',
      attempts: 2,
      round_attempts: 2,
      finished_at: AT + 7,
      error_code: 'DELIVERY_REJECTED',
    });
    await database()
      .transaction()
      .execute((transaction) => store.sendAgain(transaction, 'a', AT + 50));
    const delivery = await only(AT + 50);
    expect(delivery).toMatchObject({ attempts: 2, roundAttempts: 0, roundStartedAt: AT + 50 });
    const taken = { kind: 'delivered', status: 200, answer: '' } as const;
    await record({ delivery, at: AT + 51, durationMs: 1, outcome: taken, state: 'delivered', nextAttemptAt: null });
    expect((await store.attempts(database(), 'a')).map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
      [1, 'again'],
      [2, 'given-up'],
      [3, 'delivered'],
    ]);
    expect(await store.find(database(), 'a')).toMatchObject({ error_code: null, error_message: null });
  });

  it('are found by what they are about, and go some time after they have ended', async () => {
    await insert(
      row('a', { state: 'delivered', finished_at: AT }),
      row('b', { state: 'failed', finished_at: AT + 100, source_id: 'a-2' }),
      row('c', { created_at: AT - 1 }),
    );
    const page = async (query: object): Promise<string[]> =>
      (await store.page(database(), query, 10, undefined)).map(({ id }) => id);
    expect(await page({})).toEqual(['b', 'a', 'c']);
    expect(await page({ sourceKind: 'alert', sourceId: 'a-1' })).toEqual(['a', 'c']);
    expect(await page({ state: 'failed', channel: 'email', subject: 'alert.fired', from: AT, to: AT + 1 })).toEqual([
      'b',
    ]);
    expect((await store.page(database(), {}, 10, [AT, 'b'])).map(({ id }) => id)).toEqual(['a', 'c']);
    const remove = (before: number): Promise<number> =>
      database()
        .transaction()
        .execute((transaction) => store.removeFinished(transaction, before, 10));
    expect([await remove(AT), await remove(AT + 1)]).toEqual([0, 1]);
    expect(await page({})).toEqual(['b', 'c']);
  });
});
