/** Jobs and runs over HTTP on a whole server: scored, published, read, rolled back, and resumed after a stop. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parquetReadObjects } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import type {
  Page,
  PredictionTicket,
  Problem,
  ScoreBulkAnswer,
  ScoreRecord,
  ScoringJobDocument,
  ScoringPlan,
  ScoringRun,
} from '@shoal/protocol';
import { call, type Answer, type Method } from '../call.ts';
import { MODEL, SiteServer } from '../predictions/site-server.ts';
import { until } from '../running-server.ts';

const SITES = 300;
/** Each run starts an engine. */
const PATIENCE_MS = 180_000;
/** Chunks of 8 rows and partitions of 128: what a million rows have by default. */
const JOB = {
  name: 'site-night',
  model: { name: MODEL },
  entities: { kind: 'view', view: 'site' },
  chunkRows: 8,
  keepRuns: 2,
};
const idOf = (index: number): string => `site-${String(index).padStart(4, '0')}`;
/** What a Float32 holds of it. */
const riskOf = (index: number, night: number): number => Math.fround(((index * 7 + night * 13) % 100) / 100);

const site = new SiteServer();
const imports = mkdtempSync(join(tmpdir(), 'shoal-imports-'));
const ask = <T>(method: Method, path: string, body?: unknown, headers = {}): Promise<Answer<T>> =>
  call<T>(method, site.server.httpUrl + path, body, headers);

const fill = async (night: number): Promise<void> => {
  const lines = Array.from({ length: SITES }, (_, index) => `${idOf(index)},${riskOf(index, night)}`);
  const headers = { 'content-type': 'text/csv', 'idempotency-key': `night-${night}` };
  await ask('POST', '/api/features/site/import', ['entity,f0', ...lines, ''].join('\n'), headers);
};
const ended = async (runId: string): Promise<ScoringRun> => {
  const events = await fetch(`${site.server.httpUrl}/api/scoring/runs/${runId}/events`);
  const last = (await events.text()).split('\n').findLast((line) => line.startsWith('data: '));
  return JSON.parse(last?.slice('data: '.length) ?? '') as ScoringRun;
};
const night = async (job = JOB.name): Promise<ScoringRun> => {
  const { body } = await ask<ScoringRun>('POST', `/api/scoring/jobs/${job}/runs`, {});
  return ended(body.id);
};
const score = (entity: string, headers = {}): Promise<Answer<ScoreRecord>> =>
  ask('GET', `/api/scores/${JOB.name}/${entity}`, undefined, headers);

let first: ScoringRun;

beforeAll(async () => {
  await site.start({ SHOAL_SCORING_IMPORT_FOLDER: imports });
  await fill(1);
  await ask('POST', '/api/scoring/jobs', JOB);
  first = await night();
}, PATIENCE_MS);
afterAll(async () => {
  await site.remove();
  rmSync(imports, { recursive: true, force: true });
});

test('A run scores every entity of the view, and the scores are those of the model', async () => {
  expect(first).toMatchObject({ state: 'published', isPublished: true, error: null, attempts: 1 });
  expect(first.progress).toMatchObject({
    expected: SITES,
    done: SITES,
    quarantined: 0,
    partitions: 3,
    partitionsDone: 3,
  });
  expect(first.summary).toMatchObject({ rows: SITES, expected: SITES, quarantined: 0 });
  expect(first.summary?.columns.slice(0, 2)).toMatchObject([
    { name: 'score', nan: 0, distribution: { count: SITES } },
    { name: 'contributions.0', nan: 0 },
  ]);
  for (const index of [0, 127, 128, SITES - 1]) {
    const { body } = await score(idOf(index));
    expect(body.scores['score']).toBeCloseTo(riskOf(index, 1), 5);
    expect(body).toMatchObject({ entity: idOf(index), runId: first.id, asOf: first.asOf });
    expect(first.model).toMatchObject(body.model);
  }
});

test('The run is the ETag of a score', async () => {
  const { headers } = await score(idOf(5));
  expect(headers.get('etag')).toBe(`"${first.id}"`);
  const again = await score(idOf(5), { 'if-none-match': `"${first.id}"` });
  expect([again.status, again.text]).toEqual([304, '']);
  expect((await score('nobody')).body).toMatchObject({ code: 'SCORE_NOT_FOUND', status: 404 });
});

test('The same instant again is the same run, and changes nothing', async () => {
  const { body } = await ask<ScoringRun>('POST', `/api/scoring/jobs/${JOB.name}/runs`, { asOf: first.asOf });
  expect(body).toEqual(first);
  const plan = await ask<ScoringPlan>('POST', `/api/scoring/jobs/${JOB.name}/plan`, { asOf: first.asOf });
  expect(plan.body).toMatchObject({ runId: first.id, isKnown: true, entities: SITES, partitions: 3 });
});

test('Many scores are read at once, and all of them exported, as CSV, NDJSON and Parquet', async () => {
  const asked = [idOf(9), 'nobody', idOf(3)];
  const bulk = await ask<ScoreBulkAnswer>('POST', `/api/scores/${JOB.name}`, { entities: asked });
  expect(bulk.body.scores.map((row) => row?.[0] ?? null)).toEqual([
    expect.closeTo(riskOf(9, 1), 5),
    null,
    expect.closeTo(riskOf(3, 1), 5),
  ]);
  const path = `/api/scores/${JOB.name}`;
  const csv = (await ask('GET', `${path}?format=csv`)).text.trim().split('\r\n');
  expect([csv[0]?.slice(0, 28), csv.length]).toEqual(['entity,score,contributions.0', SITES + 1]);
  const lines = (await ask('GET', `${path}?format=ndjson`)).text.trim().split('\n');
  const fromLines = lines.map((line) => JSON.parse(line) as { entity: string; scores: object });
  const file = await (await fetch(`${site.server.httpUrl}${path}?format=parquet`)).arrayBuffer();
  const fromParquet = (await parquetReadObjects({ file })) as ({ entity: string } & Record<string, number>)[];
  // JSON has no negative zero.
  expect(JSON.parse(JSON.stringify(fromParquet))).toEqual(
    fromLines.map(({ entity, scores }) => ({ entity, ...scores })),
  );
  expect(fromParquet.map(({ entity }) => entity)).toEqual(Array.from({ length: SITES }, (_, index) => idOf(index)));
});

test(
  'The next night replaces the published run, history keeps both, and one word goes back',
  async () => {
    await fill(2);
    const second = await night();
    expect((await score(idOf(1))).body).toMatchObject({ runId: second.id });
    const { body } = await ask<{ items: ScoreRecord[] }>('GET', `/api/scores/${JOB.name}/${idOf(1)}/history`);
    expect(body.items.map(({ runId, scores }) => [runId, scores['score']])).toEqual([
      [second.id, expect.closeTo(riskOf(1, 2), 5)],
      [first.id, expect.closeTo(riskOf(1, 1), 5)],
    ]);
    expect((await ask('POST', `/api/scoring/jobs/${JOB.name}/rollback`, {})).body).toMatchObject({ id: first.id });
    expect((await score(idOf(1))).body).toMatchObject({ runId: first.id });
    const nothing = await ask<Problem>('POST', `/api/scoring/jobs/${JOB.name}/rollback`, {});
    expect(nothing.body).toMatchObject({ code: 'SCORING_RUN_NOT_FOUND' });
  },
  PATIENCE_MS,
);

test('A run has a report beside the run before, which fetches nothing and runs nothing', async () => {
  const runs = await ask<Page<ScoringRun>>('GET', `/api/scoring/runs?job=${JOB.name}&state=published&limit=1`);
  const report = await ask('GET', `/api/scoring/runs/${runs.body.items[0]?.id}/report`);
  expect([report.status, report.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(report.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(report.text).toContain('<svg');
  expect(report.text).toContain('the run before');
  // One site in eight falls by 0.87, and none changes by more.
  expect(report.text).toMatch(/Changed most: score[^]*?site-\d{4}[^]*?0\.87/);
  expect(report.text).not.toMatch(/<script|src="|url\(|https?:/);
  expect((await ask('GET', '/api/scoring/runs/r-00000000000000000000/report')).status).toBe(404);
});

test('An entity without a score is predicted when that is asked for: one run for all who ask, and 404 as before for the others', async () => {
  await site.put('site-late', 0.625);
  const path = `${JOB.name}/site-late`;
  expect((await score('site-late')).status).toBe(404);
  const asks = Array.from({ length: 3 }, () => ask<PredictionTicket>('GET', `/api/scores/${path}?onMiss=predict`));
  const tickets = await Promise.all(asks);
  for (const { status, headers, body } of tickets) {
    expect([status, headers.get('location')]).toEqual([202, `/api/predictions/${body.id}`]);
    expect(body).toMatchObject({ model: MODEL, version: first.model.version, entity: 'site-late' });
  }
  const answered = await Promise.all(tickets.map(({ body }) => site.show(body.id)));
  for (const { answer } of answered) expect(answer?.outputs[0]?.data).toEqual([expect.closeTo(0.625, 5)]);
  expect(new Set(answered.map(({ finishedAt }) => finishedAt)).size).toBe(1);
  const again = await ask<PredictionTicket>('GET', `/api/scores/${path}?onMiss=predict`);
  expect([again.status, again.body.answer]).toEqual([202, answered[0]?.answer]);
  expect((await ask('GET', `/api/scores/${JOB.name}/${idOf(1)}?onMiss=predict`)).status).toBe(200);
  expect((await ask<Problem>('GET', '/api/scores/no-job/a?onMiss=predict')).body.code).toBe('SCORING_JOB_NOT_FOUND');
  expect((await ask('GET', `/api/scores/${path}?onMiss=guess`)).status).toBe(400);
});

test('A schedule that cannot be is refused with the job', async () => {
  const schedule = { cron: '0 2 * * *', zone: 'Mars/Olympus' };
  const refused = await ask<Problem>('POST', '/api/scoring/jobs', { ...JOB, name: 'on-mars', schedule });
  expect([refused.status, refused.body.code]).toEqual([400, 'SCHEDULE_INVALID']);
});

test(
  'A run as of an instant before knows nothing that came after it',
  async () => {
    const before = first.asOf;
    await site.put(idOf(0), 0.99);
    await site.put('site-new', 0.5);
    expect(await ask('POST', '/api/scoring/jobs', { ...JOB, name: 'site-before' })).toMatchObject({ status: 201 });
    const { body } = await ask<ScoringRun>('POST', '/api/scoring/jobs/site-before/runs', { asOf: before });
    const run = await ended(body.id);
    expect(run).toMatchObject({ state: 'published', progress: { expected: SITES, done: SITES } });
    expect(run.summary?.checksum).toBe(first.summary?.checksum);
  },
  PATIENCE_MS,
);

test(
  'Rows that cannot be scored are set aside with their reason; too many fail the run, and what was published stays',
  async () => {
    const name = 'site-list';
    const job = { ...JOB, name, entities: { kind: 'devices' } };
    expect(await ask('POST', '/api/scoring/jobs', job)).toMatchObject({ status: 201 });
    const empty = await night(name);
    expect(empty).toMatchObject({ state: 'published', summary: { rows: 0 } });
    const refused = { ...JOB, name: 'site-strict', validation: { minRows: 10_000 } };
    await ask('POST', '/api/scoring/jobs', refused);
    const failed = await night('site-strict');
    expect(failed).toMatchObject({ state: 'failed', hasScores: true, error: { code: 'SCORING_VALIDATION_FAILED' } });
    const path = '/api/scoring/jobs/site-strict/publish';
    expect((await ask<Problem>('POST', path, { runId: failed.id })).body).toMatchObject({ code: 'SCORING_STATE' });
    expect((await ask('POST', path, { runId: failed.id, force: true })).body).toMatchObject({ isPublished: true });
  },
  PATIENCE_MS,
);

test(
  'An incremental job scores what changed since its published run, and the scores are those of a full one',
  async () => {
    const asOf = Date.now();
    const submitted = async (name: string, at: number): Promise<ScoringRun> => {
      const { body } = await ask<ScoringRun>('POST', `/api/scoring/jobs/${name}/runs`, { asOf: at });
      return ended(body.id);
    };
    await ask('POST', '/api/scoring/jobs', { ...JOB, name: 'site-changes', mode: 'incremental' });
    const whole = await submitted('site-changes', asOf);
    expect(whole).toMatchObject({
      mode: 'incremental',
      base: null,
      progress: { carried: 0, scored: whole.progress.done },
    });
    await site.put(idOf(7), 0.875);
    await site.put('site-newest', 0.125);
    const later = Date.now();
    const run = await submitted('site-changes', later);
    const { done } = whole.progress;
    expect(run).toMatchObject({ base: whole.id, progress: { done: done + 1, scored: 2, carried: done - 1 } });
    await ask('POST', '/api/scoring/jobs', { ...JOB, name: 'site-whole' });
    const full = await submitted('site-whole', later);
    expect(run.summary).toEqual(full.summary);
    const read = await ask<ScoreBulkAnswer>('POST', '/api/scores/site-changes', { entities: [idOf(7), idOf(8)] });
    expect(read.body.scores.map((row) => row?.[0])).toEqual([0.875, expect.closeTo(riskOf(8, 2), 5)]);
  },
  PATIENCE_MS,
);

test(
  'Entities come out of a Parquet file, and one that cannot be read fails the run with its code',
  async () => {
    const entities = [idOf(3), 'site-of-a-file'];
    await site.put(idOf(3), 0.75);
    const file = parquetWriteBuffer({
      columnData: [
        { name: 'entity', data: [...entities, 'no entity!'] },
        { name: 'f0', data: [null, 0.25, 0.5], type: 'DOUBLE' },
        { name: 'remark', data: ['is', 'not', 'read'] },
      ],
    });
    writeFileSync(join(imports, 'sites.parquet'), new Uint8Array(file));
    const job = { ...JOB, name: 'site-file', maxQuarantinedPct: 50 };
    await ask('POST', '/api/scoring/jobs', {
      ...job,
      entities: { kind: 'file', path: 'sites.parquet', format: 'parquet' },
    });
    const plan = await ask<ScoringPlan>('POST', '/api/scoring/jobs/site-file/plan', {});
    expect(plan.body).toMatchObject({ entities: 3 });
    expect(await night('site-file')).toMatchObject({ state: 'published', progress: { done: 3, quarantined: 1 } });
    const { body } = await ask<ScoreBulkAnswer>('POST', '/api/scores/site-file', { entities });
    expect(body.scores.map((row) => row?.[0])).toEqual([0.75, 0.25]);
    writeFileSync(join(imports, 'sites.parquet'), new Uint8Array(file).subarray(0, 90));
    expect(await night('site-file')).toMatchObject({ state: 'failed', error: { code: 'SCORING_FILE_UNREADABLE' } });
    const refused = await ask<Problem>('POST', '/api/scoring/jobs/site-file/plan', {});
    expect([refused.status, refused.body.code]).toEqual([409, 'SCORING_FILE_UNREADABLE']);
  },
  PATIENCE_MS,
);

test('A job that is removed takes its runs and scores with it', async () => {
  const { body } = await ask<ScoringJobDocument>('GET', '/api/scoring/jobs/site-list');
  expect(body.publishedRun).not.toBeNull();
  expect((await ask('DELETE', '/api/scoring/jobs/site-list')).status).toBe(204);
  await until(
    async () => (await ask<Page<ScoringRun>>('GET', '/api/scoring/runs?job=site-list')).body.items.length === 0,
  );
  expect((await ask('GET', '/api/scores/site-list/any')).status).toBe(404);
});

test('A refused job says why', async () => {
  const code = async (job: object): Promise<unknown> =>
    (await ask<Problem>('POST', '/api/scoring/jobs', { ...JOB, name: 'wrong', ...job })).body.code;
  expect(await code({ model: { name: 'none' } })).toBe('MODEL_NOT_FOUND');
  expect(await code({ entities: { kind: 'view', view: 'none' } })).toBe('FEATURE_VIEW_NOT_FOUND');
  expect(await code({ name: JOB.name })).toBe('SCORING_JOB_EXISTS');
});
