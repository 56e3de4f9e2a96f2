/** Backfills over HTTP on a whole server whose clock is set from night to night: past days get the scores they would have had. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Page, Problem, ScoreRecord, ScoringBackfill, ScoringRun } from '@shoal/protocol';
import { call, type Answer, type Method } from '../call.ts';
import { MODEL, SiteServer } from '../predictions/site-server.ts';
import { until } from '../running-server.ts';

const SITES = 40;
/** Each run starts an engine. */
const PATIENCE_MS = 180_000;
const DAY_MS = 86_400_000;
const FIRST = Date.parse('2025-06-10');
const [FROM, TO] = ['2025-06-10', '2025-06-11'];
const JOB = { name: 'site-days', model: { name: MODEL }, entities: { kind: 'view', view: 'site' }, chunkRows: 4 };
const idOf = (index: number): string => `site-${String(index).padStart(4, '0')}`;
/** What a Float32 holds of it. */
const riskOf = (index: number, day: number): number => Math.fround(((index * 7 + day * 13) % 100) / 100);

const site = new SiteServer();
const ask = <T>(method: Method, path: string, body?: unknown, headers = {}): Promise<Answer<T>> =>
  call<T>(method, site.server.httpUrl + path, body, headers);

/** The clock shows `at` now, and goes twice as fast. */
const clockAt = (at: number) => ({
  SHOAL_SIMULATION_CLOCK_SPEED: '2',
  SHOAL_SIMULATION_CLOCK_SET_AT_MS: String(2 * Date.now() - at),
});
const fill = async (day: number): Promise<void> => {
  const lines = Array.from({ length: SITES }, (_, index) => `${idOf(index)},${riskOf(index, day)}`);
  const headers = { 'content-type': 'text/csv', 'idempotency-key': `day-${day}` };
  await ask('POST', '/api/features/site/import', ['entity,f0', ...lines, ''].join('\n'), headers);
};
const submit = <T = ScoringBackfill>(from: string, to: string, job = JOB.name): Promise<Answer<T>> =>
  ask<T>('POST', `/api/scoring/jobs/${job}/backfills`, { from, to });
const show = async (id: string): Promise<ScoringBackfill> =>
  (await ask<ScoringBackfill>('GET', `/api/scoring/backfills/${id}`)).body;
const ended = async (id: string): Promise<ScoringBackfill> => {
  await until(async () => (await show(id)).state !== 'running');
  return show(id);
};

let nightly: ScoringRun;

beforeAll(async () => {
  await site.start(clockAt(FIRST + DAY_MS - 1_800_000));
  await fill(0);
  await site.restart(clockAt(FIRST + 2 * DAY_MS - 1_800_000));
  await fill(1);
  await site.restart(clockAt(FIRST + 2.5 * DAY_MS));
  await ask('POST', '/api/scoring/jobs', JOB);
  const { body } = await ask<ScoringRun>('POST', `/api/scoring/jobs/${JOB.name}/runs`, {});
  await fetch(`${site.server.httpUrl}/api/scoring/runs/${body.id}/events`).then((events) => events.text());
  nightly = (await ask<ScoringRun>('GET', `/api/scoring/runs/${body.id}`)).body;
}, PATIENCE_MS);
afterAll(() => site.remove());

test(
  'A backfill gives every past day what was known then, across a restart, and leaves what is read alone',
  async () => {
    expect(nightly).toMatchObject({ state: 'published', backfill: null });
    const submitted = await submit(FROM, TO);
    expect([submitted.status, submitted.body.days]).toEqual([202, { total: 2, done: 0, failed: 0 }]);
    const { id } = submitted.body;
    expect(submitted.headers.get('location')).toBe(`/api/scoring/backfills/${id}`);
    await until(async () => (await show(id)).days.done >= 1);
    await site.restart(clockAt(FIRST + 2.6 * DAY_MS));
    expect(await ended(id)).toMatchObject({ state: 'complete', days: { total: 2, done: 2, failed: 0 }, run: null });
    const { body } = await ask<{ items: ScoreRecord[] }>('GET', `/api/scores/${JOB.name}/${idOf(5)}/history`);
    const [newest, ...days] = body.items;
    expect(newest?.runId).toBe(nightly.id);
    expect(days.map(({ asOf, scores }) => [asOf, scores['score']])).toEqual(
      [1, 0].map((day) => [FIRST + (day + 1) * DAY_MS, expect.closeTo(riskOf(5, day), 5)]),
    );
    const read = await ask<ScoreRecord>('GET', `/api/scores/${JOB.name}/${idOf(5)}`);
    expect(read.body.runId).toBe(nightly.id);
    const runs = await ask<Page<ScoringRun>>('GET', `/api/scoring/runs?backfill=${id}`);
    expect(runs.body.items.map(({ backfill, isPublished }) => [backfill, isPublished])).toEqual([
      [id, false],
      [id, false],
    ]);
    const again = await submit(FROM, TO);
    expect(again.body).toMatchObject({ id, state: 'complete' });
    const back = await ask<Problem>('POST', `/api/scoring/jobs/${JOB.name}/rollback`, {});
    expect(back.body.code).toBe('SCORING_RUN_NOT_FOUND');
  },
  PATIENCE_MS,
);

test(
  'A canceled backfill keeps the days it has, and goes on when it is submitted again',
  async () => {
    const { id } = (await submit('2025-05-20', '2025-05-21')).body;
    const canceled = await ask<ScoringBackfill>('POST', `/api/scoring/backfills/${id}/cancel`, {});
    expect(canceled.body).toMatchObject({ state: 'canceled', run: null });
    expect((await ask('POST', `/api/scoring/backfills/${id}/cancel`, {})).status).toBe(200);
    expect((await submit('2025-05-20', '2025-05-21')).body).toMatchObject({ id, state: 'running' });
    // Nothing was known of any site: a whole run without rows.
    expect(await ended(id)).toMatchObject({ state: 'complete', days: { total: 2, done: 2, failed: 0 } });
    const late = await ask<Problem>('POST', `/api/scoring/backfills/${id}/cancel`, {});
    expect([late.status, late.body.code]).toEqual([409, 'SCORING_STATE']);
    const listed = await ask<Page<ScoringBackfill>>('GET', `/api/scoring/backfills?job=${JOB.name}`);
    expect(listed.body.items.map(({ from }) => from)).toEqual(['2025-05-20', FROM]);
  },
  PATIENCE_MS,
);

test('A backfill that cannot be is refused with why', async () => {
  const code = async (from: string, to: string, job?: string): Promise<string> =>
    (await submit<Problem>(from, to, job)).body.code;
  expect(await code('2025-06-11', '2025-06-10')).toBe('REQUEST_INVALID');
  expect(await code('2025-06-11', '2025-06-12')).toBe('SCORING_AS_OF_AHEAD');
  expect(await code('2025-04-01', '2025-06-10')).toBe('SCORING_BACKFILL_INVALID');
  const yearly = { ...JOB, name: 'site-yearly', schedule: { cron: '0 2 1 1 *', zone: 'Europe/Berlin' } };
  await ask('POST', '/api/scoring/jobs', yearly);
  expect(await code('2025-06-01', '2025-06-10', 'site-yearly')).toBe('SCORING_BACKFILL_INVALID');
  const unknown = await ask<Problem>('GET', '/api/scoring/backfills/b-00000000000000000000');
  expect([unknown.status, unknown.body.code]).toEqual([404, 'SCORING_BACKFILL_NOT_FOUND']);
});
