/** Hourly scoring of a whole server whose clock runs an hour in a second: every hour once, also those it was down for. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Page, Problem, ScoringRun, ScoringScheduleState } from '@shoal/protocol';
import Database from 'better-sqlite3';
import { call } from '../call.ts';
import { MODEL, SiteServer } from '../predictions/site-server.ts';
import { until } from '../running-server.ts';

const HOUR_MS = 3_600_000;
const SPEED = 3_600;
const setAt = Date.now();
const fastNow = (): number => setAt + (Date.now() - setAt) * SPEED;
const CLOCK = { SHOAL_SIMULATION_CLOCK_SPEED: String(SPEED), SHOAL_SIMULATION_CLOCK_SET_AT_MS: String(setAt) };
const JOB = {
  name: 'hourly',
  model: { name: MODEL },
  entities: { kind: 'view', view: 'site' },
  schedule: { cron: '0 * * * *', zone: 'Asia/Kolkata', misfire: 'all', overlap: 'queue' },
  keepRuns: 50,
};

const sites = new SiteServer();
beforeAll(async () => {
  await sites.start(CLOCK);
  for (const site of ['north', 'south']) await sites.put(site, 0.5);
}, 120_000);
afterAll(() => sites.remove());

const url = (path: string): string => `${sites.server.httpUrl}/api/scoring${path}`;
/** Of the runs there are, oldest first; whether they are done is the runner's affair. */
const instants = async (): Promise<number[]> => {
  const { body } = await call<Page<ScoringRun>>('GET', url('/runs?job=hourly&limit=200'));
  return body.items.map(({ asOf }) => asOf).toSorted((a, b) => a - b);
};
const published = async (): Promise<ScoringRun[]> =>
  (await call<Page<ScoringRun>>('GET', url('/runs?job=hourly&state=published&limit=200'))).body.items;
const scheduleState = async (): Promise<ScoringScheduleState> =>
  (await call<ScoringScheduleState>('GET', url('/jobs/hourly/schedule'))).body;
const eventually = async (holds: () => Promise<boolean>): Promise<void> => {
  while (!(await holds())) await pause(100);
};
/** The clock of Kolkata shows a full hour. */
const isDue = (instant: number): boolean => instant % HOUR_MS === HOUR_MS / 2;
const gaps = (of: readonly number[]): number[] => of.slice(1).map((instant, i) => instant - (of[i] ?? 0));

describe('a job with a schedule', () => {
  test('is refused when the schedule cannot be', async () => {
    const schedule = { ...JOB.schedule, zone: 'Mars/Olympus' };
    const { status, body } = await call<Problem>('POST', url('/jobs'), { ...JOB, schedule });
    expect([status, body.code]).toEqual([400, 'SCHEDULE_INVALID']);
  });

  test('runs when it is due, and says when it will be', async () => {
    expect((await call('POST', url('/jobs'), JOB)).status).toBe(201);
    await until(async () => (await instants()).length >= 3);
    const runs = await instants();
    expect(runs.every(isDue)).toBe(true);
    expect(gaps(runs).every((gap) => gap > 0 && gap % HOUR_MS === 0)).toBe(true);
    const { next, recent } = await scheduleState();
    expect([next.length, next.every(({ dueAt }) => isDue(dueAt))]).toEqual([5, true]);
    expect(recent.length).toBeGreaterThanOrEqual(3);
  });

  test('has a report of every run that fetches nothing and runs nothing', async () => {
    // The runner and its engine start with the first run.
    await eventually(async () => (await published()).length >= 2);
    const [newest] = await published();
    const response = await fetch(url(`/runs/${newest?.id}/report`));
    const text = await response.text();
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(text).toContain('<svg');
    expect(text).toContain('the run before');
    expect(text).not.toMatch(/<script|src="|url\(|https?:/);
    expect((await fetch(url('/runs/r-00000000000000000000/report'))).status).toBe(404);
  }, 180_000);

  test('makes up for what it missed, and for what it had decided when it was killed, each once', async () => {
    const downAt = fastNow();
    const { dataDir } = sites.server;
    await sites.server.stop();
    const before = downAt - (downAt % HOUR_MS) - 99.5 * HOUR_MS;
    const control = new Database(join(dataDir, 'control.db'));
    control
      .prepare("INSERT INTO scoring_occurrences VALUES ('hourly', ?, ?, 'start', NULL, NULL, ?)")
      .run(before, before, downAt);
    control.close();
    await until(() => fastNow() > downAt + 5 * HOUR_MS);
    await sites.restart(CLOCK);
    await until(async () => ((await instants()).at(-1) ?? 0) > downAt + 5 * HOUR_MS);
    const [made] = await instants();
    expect(made).toBe(before);
    const { recent } = await scheduleState();
    const decided = recent.filter(({ dueAt }) => dueAt !== before).toSorted((a, b) => a.dueAt - b.dueAt);
    expect(gaps(decided.map(({ dueAt }) => dueAt)).every((gap) => gap === HOUR_MS)).toBe(true);
    // A run begins slower than hours pass here: one that came in time while others waited gave way.
    const missed = decided.filter(({ dueAt }) => dueAt > downAt && dueAt < downAt + 5 * HOUR_MS);
    expect(missed.map(({ action, runId }) => [action === 'skip', runId === null])).toEqual(
      missed.map(() => [false, false]),
    );
    const ids = recent.flatMap(({ runId }) => runId ?? []);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('is forgotten with the job', async () => {
    expect((await call('DELETE', url('/jobs/hourly'))).status).toBe(204);
    expect(await sites.server.metric('shoal_scoring_occurrences_total{action="queue"}')).toBeGreaterThan(0);
    expect((await call('GET', url('/jobs/hourly/schedule'))).status).toBe(404);
  });
});
