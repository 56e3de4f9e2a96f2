/** What every prediction queue must do, whatever it is built on. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type {
  LeasedRun,
  PredictionQueue,
  SettledRun,
  StoredTicket,
  Submitted,
  TicketQuery,
} from '../src/ports/prediction-queue.ts';
import { about, again, answered, answerOf, failed, LEASE_MS, newTicket, NOW, turn } from './prediction-tickets.ts';

const SECOND = 1_000;

export interface QueueSubject {
  readonly queue: PredictionQueue;
  /** As after a kill: nothing is closed in order, and another process opens the same. */
  reopen(): Promise<PredictionQueue>;
  remove(): Promise<void>;
}

/** Room for four open tickets of a hundred bytes each. */
export const CONTRACT_BOUNDS = { maxOpen: 4, maxOpenBytes: 400 };

const ticketOf = (submitted: Submitted): StoredTicket => {
  if ('ticket' in submitted) return submitted.ticket;
  throw new Error(`It was ${submitted.kind}.`);
};

const query = (part: Partial<TicketQuery> = {}): TicketQuery => ({
  state: undefined,
  model: undefined,
  entity: undefined,
  from: undefined,
  to: undefined,
  order: 'desc',
  limit: 100,
  cursor: undefined,
  ...part,
});

export const predictionQueueContract = (open: () => Promise<QueueSubject>): void => {
  let subject: QueueSubject;
  let queue: PredictionQueue;
  beforeEach(async () => {
    subject = await open();
    queue = subject.queue;
  });
  afterEach(() => subject.remove());

  const lease = async (rows = 10, now = NOW): Promise<LeasedRun[]> => [
    ...(await queue.turn(turn({ rows, now }))).leased,
  ];
  const leaseOne = async (now = NOW): Promise<LeasedRun> => {
    const [run] = await lease(1, now);
    if (run === undefined) throw new Error('There was nothing to lease.');
    return run;
  };
  const settle = (...settled: SettledRun[]) => queue.turn(turn({ settled, now: NOW + SECOND }));

  describe('a ticket', () => {
    it('is queued, running, and answered once, with the time and the attempts of it', async () => {
      const asked = newTicket();
      const submitted = await queue.submit(asked);
      expect(submitted).toMatchObject({
        kind: 'queued',
        ticket: { ticketId: asked.ticketId, state: 'queued', attempts: 0 },
      });
      const run = await leaseOne();
      expect(run).toMatchObject({ model: 'pump-risk', version: '1.0.0', attempts: 1, failures: 0 });
      expect(Buffer.from(run.asked)).toEqual(Buffer.from(asked.asked));
      expect(await queue.find(asked.ticketId)).toMatchObject({ state: 'running', startedAt: NOW });
      const { finished, open: left } = await settle(answered(run, 0.25));
      expect(finished).toEqual([await queue.find(asked.ticketId)]);
      expect(finished[0]).toMatchObject({
        state: 'succeeded',
        finishedAt: NOW + SECOND,
        attempts: 1,
        answers: 1,
        answer: answerOf(0.25),
        error: null,
      });
      expect(left).toBe(0);
    });

    it('that failed says why, and can be run again', async () => {
      const { ticketId } = ticketOf(await queue.submit(newTicket()));
      await settle(failed(await leaseOne()));
      const found = await queue.find(ticketId);
      expect(found).toMatchObject({ state: 'failed', answer: null, error: { code: 'INPUT_BREAKS_MODEL' } });
      const retried = await queue.retry(ticketId, NOW, NOW + LEASE_MS);
      expect(retried).toMatchObject({ kind: 'changed', ticket: { state: 'queued', attempts: 1, error: null } });
      await settle(answered(await leaseOne()));
      expect(await queue.find(ticketId)).toMatchObject({ state: 'succeeded', attempts: 2, answers: 2 });
    });

    it('that rests is leased again when its time has come, and not before', async () => {
      const { ticketId } = ticketOf(await queue.submit(newTicket()));
      const { nextDueAt } = await settle(again(await leaseOne(), NOW + 5 * SECOND));
      expect(nextDueAt).toBe(NOW + 5 * SECOND);
      expect(await queue.find(ticketId)).toMatchObject({ state: 'queued', error: { code: 'ENGINE_CRASHED' } });
      expect(await lease(1, NOW + 5 * SECOND - 1)).toEqual([]);
      expect(await leaseOne(NOW + 5 * SECOND)).toMatchObject({ attempts: 2, failures: 1 });
    });

    it('that nobody could answer in time expires, and its run with it', async () => {
      const { ticketId } = ticketOf(await queue.submit(newTicket({ expiresAt: NOW + SECOND })));
      const run = await leaseOne();
      const { finished } = await queue.turn(turn({ now: NOW + SECOND }));
      expect(finished).toMatchObject([{ ticketId, state: 'expired' }]);
      expect((await settle(answered(run))).stale).toBe(1);
      expect(await queue.find(ticketId)).toMatchObject({ state: 'expired', answers: 0, answer: null });
    });

    it('that was canceled is never answered', async () => {
      const { ticketId } = ticketOf(await queue.submit(newTicket()));
      const run = await leaseOne();
      expect(await queue.cancel(ticketId, NOW)).toMatchObject({ kind: 'changed', ticket: { state: 'canceled' } });
      expect(await settle(answered(run))).toMatchObject({ stale: 1, finished: [], open: 0 });
      expect(await queue.cancel(ticketId, NOW)).toMatchObject({ kind: 'refused', ticket: { state: 'canceled' } });
    });

    it('that was answered can be neither canceled nor run again', async () => {
      const { ticketId } = ticketOf(await queue.submit(newTicket()));
      await settle(answered(await leaseOne()));
      expect(await queue.cancel(ticketId, NOW)).toMatchObject({ kind: 'refused' });
      expect(await queue.retry(ticketId, NOW, NOW)).toMatchObject({ kind: 'refused' });
      expect(await queue.cancel('p-00000000000000000000', NOW)).toBeUndefined();
    });
  });

  describe('a lease', () => {
    it('is settled by the newest token alone', async () => {
      const { ticketId } = ticketOf(await queue.submit(newTicket()));
      const slow = await leaseOne();
      const later = NOW + LEASE_MS;
      const { takenBack, leased } = await queue.turn(turn({ rows: 1, now: later }));
      expect(takenBack).toBe(1);
      const [quick] = leased;
      expect(quick?.fence).toBeGreaterThan(slow.fence);
      expect(await settle(answered(slow, 1))).toMatchObject({ stale: 1, finished: [] });
      await settle(answered(quick as LeasedRun, 2));
      expect(await settle(answered(slow, 3), answered(quick as LeasedRun, 4))).toMatchObject({
        stale: 2,
        finished: [],
      });
      expect(await queue.find(ticketId)).toMatchObject({ answer: answerOf(2), answers: 1, attempts: 2 });
    });

    it('that is renewed does not end', async () => {
      await queue.submit(newTicket());
      const run = await leaseOne();
      await queue.turn(turn({ now: NOW + LEASE_MS - 1, renewed: [run] }));
      expect((await queue.turn(turn({ now: NOW + LEASE_MS, rows: 1 }))).leased).toEqual([]);
      expect((await queue.turn(turn({ now: NOW + 2 * LEASE_MS, rows: 1 }))).takenBack).toBe(1);
    });

    it('of a killed process is taken back at once, and its late result changes nothing', async () => {
      const { ticketId } = ticketOf(await queue.submit(newTicket()));
      const before = await leaseOne();
      queue = await subject.reopen();
      const after = await leaseOne();
      expect(after).toMatchObject({ runNo: before.runNo, attempts: 2 });
      expect(after.fence).toBeGreaterThan(before.fence);
      expect((await settle(answered(before))).stale).toBe(1);
      await settle(answered(after));
      expect(await queue.find(ticketId)).toMatchObject({ state: 'succeeded', answers: 1 });
    });

    it('goes to the most urgent of each model in turn, as far as each has room', async () => {
      await queue.submit(newTicket({ model: 'slow' }));
      const hurried = newTicket({ model: 'slow', priority: 1 });
      await queue.submit(hurried);
      await queue.submit(newTicket({ model: 'quick' }));
      const first = await queue.turn(turn({ rows: 4, rowsOfModel: 1 }));
      expect(first.leased.map(({ model }) => model).toSorted()).toEqual(['quick', 'slow']);
      expect(await queue.find(hurried.ticketId)).toMatchObject({ state: 'running' });
      const rooms = [{ model: 'slow', version: '1.0.0', rows: 0 }];
      expect((await queue.turn(turn({ rows: 4, rooms }))).leased).toEqual([]);
    });
  });

  describe('tickets about the same', () => {
    it('share one run, and each is answered', async () => {
      const one = ticketOf(await queue.submit(about('pump-07', { priority: 9 })));
      const other = await queue.submit(about('pump-07', { priority: 1 }));
      expect(other.kind).toBe('joined');
      const runs = await lease();
      expect(runs).toHaveLength(1);
      const { finished } = await settle(...runs.map((run) => answered(run)));
      expect(finished.map(({ ticketId }) => ticketId)).toEqual([one.ticketId, ticketOf(other).ticketId]);
      expect(finished.every(({ state, answers }) => state === 'succeeded' && answers === 1)).toBe(true);
    });

    it('go on when one of them is canceled', async () => {
      const one = ticketOf(await queue.submit(about('pump-07')));
      const other = ticketOf(await queue.submit(about('pump-07')));
      await queue.cancel(one.ticketId, NOW);
      await settle(answered(await leaseOne()));
      expect(await queue.find(one.ticketId)).toMatchObject({ state: 'canceled', answer: null, answers: 0 });
      expect(await queue.find(other.ticketId)).toMatchObject({ state: 'succeeded' });
    });

    it('run each by themselves when model, version, features or inputs differ', async () => {
      await queue.submit(about('pump-07'));
      expect((await queue.submit(about('pump-07', { version: '2.0.0' }))).kind).toBe('queued');
      expect((await queue.submit(about('pump-07', { featureVersion: 'b'.repeat(64) }))).kind).toBe('queued');
      expect((await queue.submit(about('pump-07', { isShareable: false }))).kind).toBe('queued');
    });

    it('are answered at once by one that is fresh enough', async () => {
      const first = ticketOf(await queue.submit(about('pump-07')));
      await settle(answered(await leaseOne()));
      const fresh = await queue.submit(about('pump-07', { freshSince: NOW + SECOND }));
      expect(fresh).toMatchObject({ kind: 'fresh', ticket: { ticketId: first.ticketId, state: 'succeeded' } });
      expect((await queue.submit(about('pump-07', { freshSince: NOW + SECOND + 1 }))).kind).toBe('queued');
      expect((await queue.submit(about('pump-08', { freshSince: 0 }))).kind).toBe('queued');
      expect(await queue.latest('pump-risk', undefined, 'pump-07')).toMatchObject({ ticketId: first.ticketId });
      expect(await queue.latest('pump-risk', '2.0.0', 'pump-07')).toBeUndefined();
    });

    it('share a run also with one that is run again', async () => {
      const canceled = ticketOf(await queue.submit(about('pump-07')));
      await queue.cancel(canceled.ticketId, NOW);
      await queue.submit(about('pump-07'));
      expect(await queue.retry(canceled.ticketId, NOW, NOW + LEASE_MS)).toMatchObject({ kind: 'changed' });
      expect(await lease()).toHaveLength(1);
    });
  });

  describe('an idempotency key', () => {
    const key = { text: 'order-4711', digest: 'one' };

    it('stands for one ticket, also after a kill and when it was answered', async () => {
      const first = ticketOf(await queue.submit(newTicket({ key })));
      queue = await subject.reopen();
      expect(await queue.submit(newTicket({ key }))).toMatchObject({
        kind: 'same',
        ticket: { ticketId: first.ticketId },
      });
      await settle(answered(await leaseOne()));
      expect(await queue.submit(newTicket({ key }))).toMatchObject({ kind: 'same', ticket: { state: 'succeeded' } });
      expect((await queue.list(query())).items).toHaveLength(1);
    });

    it('is refused with another body', async () => {
      const { ticketId } = ticketOf(await queue.submit(newTicket({ key })));
      const other = { ...key, digest: 'other' };
      expect(await queue.submit(newTicket({ key: other }))).toEqual({ kind: 'conflict', ticketId });
    });

    it('keeps what a fresh answer was', async () => {
      const first = ticketOf(await queue.submit(about('pump-07')));
      await settle(answered(await leaseOne()));
      await queue.submit(about('pump-07', { freshSince: NOW, key }));
      const later = await queue.submit(about('pump-07', { freshSince: NOW + 9 * SECOND, key }));
      expect(later).toMatchObject({ kind: 'same', ticket: { ticketId: first.ticketId } });
    });
  });

  it('takes no more tickets than its bounds allow, and forgets what is over', async () => {
    const large = Buffer.alloc(CONTRACT_BOUNDS.maxOpenBytes);
    await queue.submit(newTicket({ asked: large }));
    expect(await queue.submit(newTicket({ asked: Buffer.alloc(1) }))).toEqual({ kind: 'full', open: 1 });
    await settle(answered(await leaseOne()));
    for (let count = 0; count < CONTRACT_BOUNDS.maxOpen; count += 1) await queue.submit(newTicket());
    expect(await queue.submit(newTicket())).toEqual({ kind: 'full', open: CONTRACT_BOUNDS.maxOpen });
    queue = await subject.reopen();
    expect(await queue.submit(newTicket())).toEqual({ kind: 'full', open: CONTRACT_BOUNDS.maxOpen });
    const [open] = (await queue.list(query({ state: 'queued' }))).items;
    await queue.cancel(open?.ticketId ?? '', NOW);
    expect((await queue.submit(newTicket())).kind).toBe('queued');
  });

  it('lists by submission, in pages, by what was asked of it', async () => {
    const tickets = [
      about('pump-1'),
      about('pump-2', { createdAt: NOW + 1 }),
      newTicket({ model: 'other', createdAt: NOW + 2 }),
    ];
    for (const ticket of tickets) await queue.submit(ticket);
    const ids = tickets.map(({ ticketId }) => ticketId);
    const listed = async (part: Partial<TicketQuery>) =>
      (await queue.list(query(part))).items.map(({ ticketId }) => ticketId);
    expect(await listed({})).toEqual(ids.toReversed());
    const first = await queue.list(query({ limit: 2, order: 'asc' }));
    const second = await queue.list(query({ limit: 2, order: 'asc', cursor: first.nextCursor ?? undefined }));
    expect([...first.items, ...second.items].map(({ ticketId }) => ticketId)).toEqual(ids);
    expect(second.nextCursor).toBeNull();
    expect(await listed({ entity: 'pump-2' })).toEqual([ids[1]]);
    expect(await listed({ model: 'other' })).toEqual([ids[2]]);
    expect(await listed({ from: NOW + 1, to: NOW + 2 })).toEqual([ids[1]]);
    const run = await leaseOne();
    expect(await listed({ state: 'running' })).toHaveLength(1);
    expect(await listed({ state: 'queued' })).toHaveLength(2);
    await settle(answered(run));
    expect(await listed({ state: 'succeeded' })).toHaveLength(1);
  });

  it('drops final tickets past their retention with their keys and runs, and no open one', async () => {
    const key = { text: 'once', digest: 'one' };
    const { ticketId } = ticketOf(await queue.submit(newTicket({ key })));
    await settle(answered(await leaseOne()));
    const open = ticketOf(await queue.submit(newTicket()));
    expect(await queue.trim(NOW + SECOND)).toBe(0);
    expect(await queue.trim(NOW + SECOND + 1)).toBe(1);
    expect(await queue.find(ticketId)).toBeUndefined();
    expect(await queue.find(open.ticketId)).toBeDefined();
    expect((await queue.submit(newTicket({ key }))).kind).toBe('queued');
  });

  it('keeps what a webhook is to be told until it was handed over, also across a kill', async () => {
    const webhook = { url: 'https://example.org/hook' };
    const { ticketId } = ticketOf(await queue.submit(newTicket({ webhook })));
    await queue.submit(newTicket());
    const { untold } = await settle(...(await lease()).map((run) => answered(run)));
    expect(untold).toBe(1);
    queue = await subject.reopen();
    const news = await queue.untold();
    expect(news).toMatchObject([{ webhook, ticket: { ticketId, state: 'succeeded', answers: 1 } }]);
    await queue.told(news.map(({ intentId }) => intentId));
    expect(await queue.untold()).toEqual([]);
  });
};
