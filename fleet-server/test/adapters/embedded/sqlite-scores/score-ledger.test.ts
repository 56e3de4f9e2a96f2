/** The ledger of scores: whatever is killed, paused, or committed under an old lease, each entity ends with one score, its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { scoringJobSchema } from '@shoal/protocol';
import fc from 'fast-check';
import { ChunkLedger, type LeasedPartition } from '../../../../src/adapters/embedded/sqlite-scores/chunk-ledger.ts';
import { runBlocks } from '../../../../src/adapters/embedded/sqlite-scores/run-blocks.ts';
import { decodeBlock, encodeBlocks, findInBlock } from '../../../../src/adapters/embedded/sqlite-scores/score-block.ts';
import { ScoreReads } from '../../../../src/adapters/embedded/sqlite-scores/score-reads.ts';
import {
  openForRun,
  openForWriting,
  type Sqlite,
} from '../../../../src/adapters/embedded/sqlite-scores/scores-file.ts';
import { ScoresWriter } from '../../../../src/adapters/embedded/sqlite-scores/scores-writer.ts';
import type { NewRun } from '../../../../src/ports/score-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'shoal-ledger-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const COLUMNS = [
  { name: 'score', type: 'f32' },
  { name: 'days', type: 'f64' },
] as const;
const ENTITIES = Array.from({ length: 40 }, (_, index) => `e-${String(index).padStart(2, '0')}`);
const RANGES = [
  { from: '', to: 'e-09' },
  { from: 'e-09', to: 'e-27' },
  { from: 'e-27', to: null },
];
const scoreOf = (entity: string): number => Number(entity.slice(2)) / 4;

const newRun = (runId: string): NewRun => ({
  runId,
  job: 'night',
  model: { name: 'm', version: '1.0.0', digest: 'd' },
  asOf: 1,
  input: 'view:x',
  definition: scoringJobSchema.parse({
    name: 'night',
    model: { name: 'm' },
    entities: { kind: 'view', view: 'v' },
    keepRuns: 1,
  }),
  columns: COLUMNS,
  entities: null,
  backfill: null,
  createdAt: 1,
});

let files = 0;
const RUN = 'r-00000000000000000000';

/** A writer as the server has it, and beside it the ledger of a runner that does what it is told step by step. */
class Night {
  readonly #file = join(folder, `scores-${(files += 1)}.db`);
  #db: Sqlite = openForWriting(this.#file, 0).db;
  #writer = new ScoresWriter(this.#db);
  #run: Sqlite = openForRun(this.#file);
  #ledger = new ChunkLedger(this.#run);
  #leases: LeasedPartition[] = [];
  #positions = new Map<LeasedPartition, string>();
  #now = 1_000;

  constructor() {
    this.#writer.submit(newRun(RUN));
    const run = this.#writer.takeUp(1);
    this.#ledger.plan({
      runNo: run?.runNo ?? 0,
      baseNo: null,
      expected: ENTITIES.length,
      ranges: RANGES,
      quarantined: [],
    });
  }

  /** @returns whether everything is scored */
  lease(): boolean {
    const leased = this.#ledger.lease(1, this.#now);
    if (typeof leased === 'object') {
      this.#leases.push(leased);
      this.#positions.set(leased, leased.from);
    }
    return leased === 'done';
  }

  /** Of any lease there ever was: an old one is to be refused. */
  commit(which: number, rows: number): void {
    const lease = this.#leases[which % Math.max(1, this.#leases.length)];
    if (lease === undefined) return;
    const from = this.#positions.get(lease) ?? '';
    const left = ENTITIES.filter((entity) => entity > from && (lease.to === null || entity <= lease.to));
    const entities = left.slice(0, rows);
    const last = entities.at(-1) ?? from;
    const columns = [Float32Array.from(entities, scoreOf), Float64Array.from(entities, scoreOf)];
    const { partNo, fence } = lease;
    const answer = this.#ledger.commit({
      runNo: 1,
      partNo,
      fence,
      last,
      isLast: left.length <= rows,
      rows: entities.length,
      carried: 0,
      skipped: 0,
      blocks: encodeBlocks({ entities, columns }),
      quarantined: [],
      now: this.#now,
    });
    if (answer !== 'gone') this.#positions.set(lease, last);
  }

  later(ms: number): void {
    this.#now += ms;
  }

  pause(): void {
    this.#writer.note({ runId: RUN, event: 'pause', now: this.#now });
    this.resume();
  }

  resume(): void {
    this.#writer.note({ runId: RUN, event: 'resume', now: this.#now });
    this.#writer.takeUp(this.#now);
  }

  /** The process is gone; what it had leased is known to nobody. */
  kill(): void {
    this.#run.close();
    this.#db.close();
    this.#db = openForWriting(this.#file, 0).db;
    this.#writer = new ScoresWriter(this.#db);
    this.#run = openForRun(this.#file);
    this.#ledger = new ChunkLedger(this.#run);
    this.#writer.takeBack();
    this.#writer.takeUp(this.#now);
  }

  finish(): [string, number | undefined, number | undefined][] {
    for (let turn = 0; !this.lease() && turn < 500; turn += 1) {
      this.commit(this.#leases.length - 1, 7);
      this.later(120_000);
    }
    const blocks = [...runBlocks(this.#db, { runNo: 1, columns: COLUMNS }, 2)].flat();
    this.#run.close();
    this.#db.close();
    return blocks.flatMap(({ entities, columns }) =>
      entities.map((entity, index): [string, number | undefined, number | undefined] => [
        entity,
        columns[0]?.[index],
        columns[1]?.[index],
      ]),
    );
  }
}

const step = fc.oneof(
  fc.constant((night: Night) => void night.lease()),
  fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 9 })).map(
    ([which, rows]) =>
      (night: Night) =>
        night.commit(which, rows),
  ),
  fc.constantFrom(10, 120_000).map((ms) => (night: Night) => night.later(ms)),
  fc.constant((night: Night) => night.pause()),
  fc.constant((night: Night) => night.kill()),
);

test('Each entity ends with one score, its own, whatever happened on the way', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const night = new Night();
      for (const take of steps) take(night);
      expect(night.finish()).toEqual(ENTITIES.map((entity) => [entity, scoreOf(entity), scoreOf(entity)]));
    }),
    { numRuns: 25 },
  );
});

test('A block gives back what went into it, whole and row by row; what is not finite is no score', () => {
  const number = fc.oneof(fc.float({ noNaN: false }), fc.constantFrom(NaN, Infinity));
  const row = fc.tuple(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,20}$/), number, fc.double());
  const rows = fc.uniqueArray(row, { minLength: 1, maxLength: 200, selector: ([entity]) => entity });
  fc.assert(
    fc.property(rows, (drawn) => {
      const sorted = drawn.toSorted(([one], [other]) => (one < other ? -1 : 1));
      const entities = sorted.map(([entity]) => entity);
      const columns = [
        Float32Array.from(sorted, ([, value]) => value),
        Float64Array.from(sorted, ([, , value]) => value),
      ];
      const blocks = encodeBlocks({ entities, columns }).map(({ data, rows: count }) => ({
        data: Buffer.from(data),
        count,
      }));
      const decoded = blocks.map(({ data, count }) => decodeBlock(data, count, COLUMNS));
      expect(decoded.flatMap((block) => block.entities)).toEqual(entities);
      const [entity, single, double] = sorted[sorted.length >> 1] ?? ['', 0, 0];
      const found = blocks.flatMap(({ data, count }) => findInBlock(data, count, COLUMNS, entity) ?? []);
      const shown = (value: number): number | null => (Number.isFinite(value) ? value : null);
      expect(found).toEqual([shown(Math.fround(single)), shown(double)]);
    }),
  );
});

/** As the server has it, and as a runner has it. */
const open = (name: string) => {
  const file = join(folder, name);
  const { db } = openForWriting(file, 0);
  const run = openForRun(file);
  return { db, run, writer: new ScoresWriter(db), ledger: new ChunkLedger(run) };
};

test('A past day gives way to a run that is due, which finds it put back, and goes on behind it where it was', () => {
  const { db, run, writer, ledger } = open('backfill.db');
  const [past, due] = ['r-00000000000000000001', 'r-00000000000000000002'];
  const dueAt = 7;
  const { definition, model } = newRun(past);
  const backfillId = 'b-00000000000000000000';
  const days = { from: '2026-01-01', to: '2026-01-01', instants: [dueAt] };
  writer.submitBackfill({ backfillId, model, definition, createdAt: 1, ...days });
  expect(writer.nextBackfillDay(1)).toMatchObject({ backfillId, dueAt });
  writer.submit({ ...newRun(past), backfill: { id: backfillId, dueAt } });
  expect(writer.nextBackfillDay(1)).toBeNull();
  const runNo = writer.takeUp(1)?.runNo ?? 0;
  ledger.plan({ runNo, baseNo: null, expected: 2, ranges: [{ from: '', to: null }], quarantined: [] });
  const leased = ledger.lease(runNo, 1) as LeasedPartition;
  const commit = ({ fence }: LeasedPartition, entity: string, isLast: boolean): unknown =>
    ledger.commit({
      runNo,
      partNo: 0,
      fence,
      last: entity,
      isLast,
      rows: 1,
      carried: 0,
      skipped: 0,
      blocks: encodeBlocks({ entities: [entity], columns: [Float32Array.of(1), Float64Array.of(1)] }),
      quarantined: [],
      now: 1,
    });
  expect(commit(leased, 'a', false)).not.toBe('gone');
  writer.submit({ ...newRun(due), asOf: 2 });
  expect(commit(leased, 'b', true)).toBe('gone');
  expect(writer.takeUp(2)?.runId).toBe(due);
  writer.note({ runId: due, event: 'fail', now: 2 });
  expect(writer.takeUp(3)).toMatchObject({ runId: past, backfill: backfillId, progress: { done: 1 } });
  const again = ledger.lease(runNo, 3) as LeasedPartition;
  expect(again.from).toBe('a');
  expect(commit(again, 'b', true)).not.toBe('gone');
  writer.note({ runId: past, event: 'complete', now: 4 });
  expect(writer.publish(past, 4, 'advance')).toMatchObject({ kind: 'changed', run: { isPublished: true } });
  expect(writer.nextBackfillDay(5)).toBeNull();
  expect(writer.submitBackfill({ backfillId, model, definition, createdAt: 6, ...days })).toMatchObject({
    state: 'complete',
    days: { total: 1, done: 1, failed: 0 },
  });
  run.close();
  db.close();
});

test('A file of the version before is brought up, and its runs stay what they were', () => {
  const file = join(folder, 'before.db');
  const fresh = openForWriting(file, 0).db;
  new ScoresWriter(fresh).submit(newRun(RUN));
  fresh.exec(`
    UPDATE runs SET definition = json_remove(definition, '$.mode', '$.keepBackfilledRuns');
    DROP INDEX runs_queued;
    DROP TABLE backfills;
    DROP TABLE backfill_days;
    ALTER TABLE runs DROP COLUMN backfill;
    ALTER TABLE runs DROP COLUMN base_no;
    ALTER TABLE partitions DROP COLUMN carried;
    ALTER TABLE blocks DROP COLUMN marks;
    CREATE INDEX runs_queued ON runs (queued_at, run_no) WHERE state = 'queued';
    PRAGMA user_version = 1;
  `);
  fresh.close();
  const { db } = openForWriting(file, 0);
  const { definition } = newRun(RUN);
  expect(new ScoresWriter(db).takeUp(1)).toMatchObject({ runId: RUN, definition, base: null, backfill: null });
  expect(db.pragma('user_version', { simple: true })).toBe(2);
  db.close();
});

test('Readers have the run before until the pointer moves, and scores past keepRuns go', () => {
  const { db, run, writer, ledger } = open('published.db');
  const reads = new ScoreReads(db);
  const publish = (runId: string, score: number): void => {
    writer.submit(newRun(runId));
    const runNo = writer.takeUp(1)?.runNo ?? 0;
    ledger.plan({ runNo, baseNo: null, expected: 1, ranges: [{ from: '', to: null }], quarantined: [] });
    const leased = ledger.lease(runNo, 1);
    const { partNo, fence } = typeof leased === 'object' ? leased : { partNo: 0, fence: 0 };
    const blocks = encodeBlocks({ entities: ['a'], columns: [Float32Array.of(score), Float64Array.of(score)] });
    const chunk = {
      runNo,
      partNo,
      fence,
      last: 'a',
      isLast: true,
      rows: 1,
      carried: 0,
      skipped: 0,
      blocks,
      quarantined: [],
      now: 1,
    };
    ledger.commit(chunk);
    const before = reads.published('night')?.runId;
    writer.note({ runId, event: 'complete', now: 2 });
    expect(reads.published('night')?.runId).toBe(before);
    expect(writer.publish(runId, 3, 'move')).toMatchObject({ kind: 'changed', run: { isPublished: true } });
    expect(reads.score('night', 'a')).toMatchObject({ run: { runId }, scores: [score, score] });
  };
  publish('r-00000000000000000001', 1);
  publish('r-00000000000000000002', 2);
  while (writer.trim());
  expect(db.prepare('SELECT run_no FROM blocks').pluck().all()).toEqual([2]);
  expect(writer.publish('r-00000000000000000001', 4, 'move')).toMatchObject({ kind: 'refused' });
  expect(reads.history('night', 'a')).toHaveLength(1);
  run.close();
  db.close();
});
