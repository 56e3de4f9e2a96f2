/** The scheduler on a real control database, killed wherever it may be: every night that was due gets one run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { scoringJobSchema, type ScoringJob, type ScoringSchedule } from '@shoal/protocol';
import fc from 'fast-check';
import { pino } from 'pino';
import { PrometheusMetrics } from '../../src/adapters/embedded/prometheus-metrics.ts';
import type { ControlDatabase } from '../../src/db/database.ts';
import { openSqliteDatabase } from '../../src/db/open-database.ts';
import { FleetError } from '../../src/errors.ts';
import { ScoringScheduler } from '../../src/scoring/scheduler.service.ts';

type Parts = ConstructorParameters<typeof ScoringScheduler>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START = Date.UTC(2026, 5, 1, 12);

const jobOf = (name: string, schedule: Partial<ScoringSchedule> = {}): ScoringJob =>
  scoringJobSchema.parse({
    name,
    model: { name: 'any' },
    entities: { kind: 'view', view: 'any' },
    schedule: { cron: '0 2 * * *', zone: 'UTC', misfire: 'all', overlap: 'queue', ...schedule },
  });

/** Jobs, runs and a clock by hand. */
class Surroundings {
  now = START;
  jobs: { job: ScoringJob; updatedAt: number }[] = [];
  /** By instant: how often somebody submitted it. */
  readonly submitted = new Map<number, number>();
  readonly canceled: string[] = [];
  /** What is under way. */
  open: { runId: string; startedAt: number | null }[] = [];
  /** Called with each submission, before it has an effect and after. */
  onSubmit: (when: 'before' | 'after') => void = () => undefined;

  scheduler(database: ControlDatabase): ScoringScheduler {
    const jobs = { all: () => Promise.resolve(this.jobs) };
    const runs = {
      open: () => Promise.resolve(this.open),
      order: (_: unknown, runId: string) => Promise.resolve(void this.canceled.push(runId)),
      submit: (_: ScoringJob, at: number) => {
        this.onSubmit('before');
        this.submitted.set(at, (this.submitted.get(at) ?? 0) + 1);
        this.onSubmit('after');
        return Promise.resolve({ runId: `r-${String(at).padStart(20, '0')}` });
      },
    };
    const around = {
      clock: { now: () => this.now },
      metrics: new PrometheusMetrics(),
      log: pino({ level: 'silent' }),
    };
    return new ScoringScheduler(...([database, jobs, runs, around] as unknown as Parts));
  }
}

describe('the scheduler', () => {
  let folder: string;
  let database: ControlDatabase;
  let names = 0;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shoal-scheduler-'));
    ({ database } = await openSqliteDatabase(join(folder, 'control.db'), START, () => undefined));
  });
  afterAll(async () => {
    await database.destroy();
    rmSync(folder, { recursive: true, force: true });
  });
  const newName = (): string => {
    names += 1;
    return `job-${names}`;
  };

  test('gives every night one run, wherever it is killed', async () => {
    const step = fc.record({
      hours: fc.integer({ min: 0, max: 60 }),
      dies: fc.constantFrom('no' as const, 'before' as const, 'after' as const),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        const around = new Surroundings();
        const name = newName();
        around.jobs = [{ job: jobOf(name), updatedAt: START }];
        let scheduler = around.scheduler(database);
        await scheduler.look();
        for (const { hours, dies } of steps) {
          around.now += hours * HOUR_MS;
          around.onSubmit = (when) => {
            if (when === dies) throw new Error('killed');
          };
          await scheduler.look();
          // Another process, which knows what is on the disk.
          if (dies !== 'no') scheduler = around.scheduler(database);
        }
        around.onSubmit = () => undefined;
        await scheduler.look();
        const due: number[] = [];
        for (let at = Date.UTC(2026, 5, 2, 2); at <= around.now; at += DAY_MS) due.push(at);
        expect([...around.submitted.keys()].toSorted((a, b) => a - b)).toEqual(due);
        const { recent } = await scheduler.state(jobOf(name));
        expect(recent.map(({ dueAt }) => dueAt)).toEqual(due.toReversed());
        expect(recent.every(({ runId, reason }) => runId !== null && reason === null)).toBe(true);
      }),
      { numRuns: 12 },
    );
  });

  test('cancels what a run takes the place of, and skips with the reason', async () => {
    const around = new Surroundings();
    const name = newName();
    around.jobs = [{ job: jobOf(name, { overlap: 'replace' }), updatedAt: START }];
    const scheduler = around.scheduler(database);
    await scheduler.look();
    around.open = [{ runId: 'old', startedAt: START }];
    around.now = Date.UTC(2026, 5, 2, 2);
    await scheduler.look();
    expect([around.canceled, [...around.submitted.keys()]]).toEqual([['old'], [around.now]]);

    around.jobs = [{ job: jobOf(name, { overlap: 'skip' }), updatedAt: around.now + 1 }];
    await scheduler.look();
    around.now += DAY_MS;
    await scheduler.look();
    around.open = [];
    around.now += DAY_MS;
    around.onSubmit = () => {
      throw new FleetError('SCORING_MODEL_UNFIT', 'It has no view.');
    };
    await scheduler.look();
    const { recent } = await scheduler.state(jobOf(name));
    expect(recent.map(({ action, reason }) => [action, reason])).toEqual([
      ['skip', 'SCORING_MODEL_UNFIT'],
      ['skip', 'overlap'],
      ['replace', null],
    ]);
  });

  test('takes a changed schedule from its change on, and forgets a job that is gone', async () => {
    const around = new Surroundings();
    const name = newName();
    around.jobs = [{ job: jobOf(name), updatedAt: START }];
    const scheduler = around.scheduler(database);
    await scheduler.look();
    around.now = Date.UTC(2026, 5, 2, 12);
    around.jobs = [{ job: jobOf(name, { cron: '0 11,13 * * *' }), updatedAt: around.now }];
    await scheduler.look();
    around.now = Date.UTC(2026, 5, 2, 14);
    await scheduler.look();
    expect([...around.submitted.keys()]).toEqual([Date.UTC(2026, 5, 2, 13)]);
    around.jobs = [];
    await scheduler.look();
    expect((await scheduler.state(jobOf(name))).recent).toEqual([]);
  });
});
