/** The process that goes through a run is nobody's but its run's: killed, another goes on; when its server ends, it ends. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ScoringRun } from '@shoal/protocol';
import { call } from '../call.ts';
import { MODEL, SiteServer } from '../predictions/site-server.ts';
import { until } from '../running-server.ts';

const SITES = 300;
const PATIENCE_MS = 180_000;
const JOB = { model: { name: MODEL }, entities: { kind: 'view', view: 'site' } };

const site = new SiteServer();
beforeAll(() => site.start(), PATIENCE_MS);
afterAll(() => site.remove());

const submitted = async (name: string, asOf: number): Promise<string> => {
  const url = `${site.server.httpUrl}/api/scoring/jobs`;
  // One row a chunk: there is something left to do when it is killed.
  await call('POST', url, { ...JOB, name, chunkRows: 1 });
  return (await call<ScoringRun>('POST', `${url}/${name}/runs`, { asOf })).body.id;
};
const shown = async (id: string): Promise<ScoringRun> =>
  (await call<ScoringRun>('GET', `${site.server.httpUrl}/api/scoring/runs/${id}`)).body;
const published = async (id: string): Promise<ScoringRun> => {
  await until(async () => (await shown(id)).state === 'published');
  return shown(id);
};

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};
/** Children of this process, in which the server runs, that go through a run. */
const runProcesses = (): number[] =>
  readdirSync('/proc/self/task')
    .flatMap((task) => read(`/proc/self/task/${task}/children`).split(' '))
    .filter((pid) => pid !== '' && read(`/proc/${pid}/cmdline`).includes('run-process'))
    .map(Number);
const runProcess = async (): Promise<number> => {
  for (;;) {
    const [pid] = runProcesses();
    if (pid !== undefined) return pid;
    await pause(5);
  }
};

test(
  'Killed, it is followed by another, and the scores are those of a run that nobody killed',
  async () => {
    const lines = Array.from({ length: SITES }, (_, index) => `s-${index},${(index % 97) / 100}`);
    const headers = { 'content-type': 'text/csv', 'idempotency-key': 'once' };
    const url = `${site.server.httpUrl}/api/features/site/import`;
    await call('POST', url, ['entity,f0', ...lines, ''].join('\n'), headers);
    const asOf = Date.now();
    const whole = await published(await submitted('whole', asOf));
    expect(whole).toMatchObject({ attempts: 1, progress: { done: SITES } });
    const id = await submitted('killed', asOf);
    process.kill(await runProcess(), 'SIGKILL');
    const run = await published(id);
    expect(run).toMatchObject({ attempts: 2, progress: { done: SITES } });
    expect(run.summary?.checksum).toBe(whole.summary?.checksum);
  },
  PATIENCE_MS,
);

test(
  'When its server stops it ends after its chunk, and the run goes on at the next start',
  async () => {
    const id = await submitted('stopped', Date.now());
    await runProcess();
    await until(async () => (await shown(id)).progress.done > 0);
    await site.restart();
    expect(runProcesses().length).toBeLessThanOrEqual(1);
    const run = await published(id);
    expect(run.progress).toMatchObject({ done: SITES, quarantined: 0 });
    await until(() => runProcesses().length === 0);
  },
  PATIENCE_MS,
);
