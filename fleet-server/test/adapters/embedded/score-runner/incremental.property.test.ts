/** Nights of random changes, some of them killed: an incremental run comes to the scores of a full one, and scores only what changed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { scoringJobSchema } from '@shoal/protocol';
import fc from 'fast-check';
import type { RowScorer, Rows, ScoredBatch } from '../../../../src/adapters/embedded/score-runner/batch-engine.ts';
import { ScoringRun } from '../../../../src/adapters/embedded/score-runner/scoring-run.ts';
import { openForWriting as openFeatures } from '../../../../src/adapters/embedded/sqlite-features/features-file.ts';
import { ChunkLedger, type CommittedChunk } from '../../../../src/adapters/embedded/sqlite-scores/chunk-ledger.ts';
import { RunReads } from '../../../../src/adapters/embedded/sqlite-scores/run-reads.ts';
import { openForWriting, type Sqlite } from '../../../../src/adapters/embedded/sqlite-scores/scores-file.ts';
import { ScoresWriter } from '../../../../src/adapters/embedded/sqlite-scores/scores-writer.ts';
import type { RunEnd } from '../../../../src/ports/score-runner.ts';
import type { StoredRun } from '../../../../src/ports/score-store.ts';
import { carriedFrom } from '../../../../src/scoring/carried-from.ts';

const folder = mkdtempSync(join(tmpdir(), 'shoal-incremental-'));
const features = openFeatures(join(folder, 'features.db'), 0, 0).db;
afterAll(() => {
  features.close();
  rmSync(folder, { recursive: true, force: true });
});

const COLUMNS = [
  { name: 'score', type: 'f32' },
  { name: 'days', type: 'f64' },
] as const;
const WIDTH = 2;
/** More than one partition of 16 chunks, and more than one block. */
const CHUNK_ROWS = 12;
const [LEAST, MOST] = [150, 420];
/** A row whose first value is this breaks the model. */
const POISON = 13;

/** A model: `weight` is what it learned, and what its digest is made of. */
class Scorer implements RowScorer {
  readonly refusesNaN = false;
  readonly asked: string[] = [];
  readonly #weight: number;
  constructor(weight: number) {
    this.#weight = weight;
  }
  score({ entities, matrix }: Rows): Promise<ScoredBatch> {
    this.asked.push(...entities);
    const rows = entities.map((entity, row) => ({
      entity,
      a: matrix[row * WIDTH] ?? 0,
      b: matrix[row * WIDTH + 1] ?? 0,
    }));
    const good = rows.filter(({ a }) => a !== POISON);
    return Promise.resolve({
      entities: good.map(({ entity }) => entity),
      columns: [
        Float32Array.from(good, ({ a, b }) => this.#weight * a + b / 3),
        Float64Array.from(good, ({ a, b }) => a / 7 - this.#weight * b),
      ],
      quarantined: rows
        .filter(({ a }) => a === POISON)
        .map(({ entity }) => ({ entity, reason: 'ENGINE_CRASHED', detail: '' })),
    });
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

type Fleet = Map<string, readonly [number, number]>;

interface Night {
  readonly set: readonly (readonly [at: number, a: number, b: number])[];
  readonly gone: readonly number[];
  readonly weight: number;
  /** The process dies with the commit of so many chunks, each time it runs. */
  readonly deaths: readonly number[];
}

/** The process dies before the commit after so many. */
class MortalLedger extends ChunkLedger {
  readonly #stop: AbortController;
  #left: number;

  constructor(db: Sqlite, chunks: number, stop: AbortController) {
    super(db);
    this.#left = chunks;
    this.#stop = stop;
  }

  override commit(chunk: CommittedChunk) {
    if (this.#left <= 0) {
      this.#stop.abort();
      throw new Error('dead');
    }
    this.#left -= 1;
    return super.commit(chunk);
  }
}

class Server {
  readonly #db: Sqlite;
  #writer: ScoresWriter;
  #runs = 0;

  constructor(file: string) {
    this.#db = openForWriting(file, 0).db;
    this.#writer = new ScoresWriter(this.#db);
  }

  close(): void {
    this.#db.close();
  }

  async night(mode: 'full' | 'incremental', fleet: Fleet, { weight, deaths }: Night): Promise<[StoredRun, string[]]> {
    const runId = `r-${String((this.#runs += 1)).padStart(20, '0')}`;
    const published = this.#published(mode);
    const model = { name: 'm', version: '1.0.0', digest: `d${weight}` };
    const definition = scoringJobSchema.parse({
      name: mode,
      model: { name: 'm' },
      entities: { kind: 'devices' },
      mode,
      chunkRows: CHUNK_ROWS,
      maxQuarantinedPct: 100,
    });
    const entities = [...fleet.keys()].toSorted();
    const createdAt = this.#runs;
    const run = {
      runId,
      job: mode,
      model,
      asOf: 1,
      input: runId,
      definition,
      columns: COLUMNS,
      entities,
      backfill: null,
      createdAt,
    };
    const { runNo } = this.#writer.submit(run);
    const own = this.#db.prepare('UPDATE inputs SET own = ? WHERE run_no = ? AND entity = ?');
    for (const [entity, values] of fleet) own.run(new Uint8Array(Float64Array.of(...values).buffer), runNo, entity);
    const scorer = new Scorer(weight);
    for (const chunks of [...deaths, Infinity]) {
      const taken = this.#writer.takeUp(1);
      if (taken === null) throw new Error('nothing is queued');
      const isPlanned = taken.progress.expected !== null;
      const baseNo = isPlanned ? taken.baseNo : carriedFrom(taken, published);
      const end = await this.#execute(taken, { baseNo, isPlanned, scorer, chunks });
      if (end.kind === 'complete') {
        this.#writer.note({ runId, event: 'complete', now: 1, summary: end.summary });
        break;
      }
      this.#writer = new ScoresWriter(this.#db);
      this.#writer.takeBack();
    }
    this.#writer.publish(runId, this.#runs, 'move');
    while (this.#writer.trim());
    const done = this.#published(mode);
    if (done === undefined) throw new Error('nothing is published');
    return [done, scorer.asked];
  }

  #published(job: string): StoredRun | undefined {
    const runId = this.#db
      .prepare<[string], string>('SELECT r.run_id FROM published p JOIN runs r ON r.run_no = p.run_no WHERE p.job = ?')
      .pluck()
      .get(job) as string | undefined;
    return runId === undefined ? undefined : (new RunReads(this.#db).find(runId) ?? undefined);
  }

  async #execute(
    run: StoredRun,
    { chunks, scorer, ...planned }: { baseNo: number | null; isPlanned: boolean; scorer: Scorer; chunks: number },
  ): Promise<RunEnd> {
    const stop = new AbortController();
    const order = {
      ...planned,
      runNo: run.runNo,
      origin: { kind: 'listed' as const },
      asOf: 1,
      layout: { names: ['a', 'b'], views: [], picks: [] },
      bundleFolder: '',
      modelDigest: run.model.digest,
      input: run.input,
      columns: run.columns,
      isIncremental: run.definition.mode === 'incremental',
      chunkRows: CHUNK_ROWS,
      retries: 0,
      maxQuarantinedPct: 100,
      canaries: [],
    };
    const files = { features, scores: this.#db };
    const ledger = new MortalLedger(this.#db, chunks, stop);
    const parts = { files, ledger, openEngine: () => Promise.resolve(scorer), stop: stop.signal, now: () => 1 };
    return new ScoringRun(order, parts).execute().catch((): RunEnd => ({ kind: 'stopped' }));
  }
}

const place = fc.nat(MOST + 50);
const value = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: -5, max: 12 }) },
  { weight: 1, arbitrary: fc.constant(POISON) },
);
const night = fc.record<Night>({
  set: fc.array(fc.tuple(place, value, value), { maxLength: 30 }),
  gone: fc.array(place, { maxLength: 10 }),
  weight: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constant(2) }),
  deaths: fc.array(fc.nat(8), { maxLength: 2 }),
});

const idOf = (at: number): string => `e-${String(at).padStart(4, '0')}`;

test('An incremental run comes to the checksum of a full one, and asks the model about nothing that did not change', async () => {
  let cases = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: LEAST, max: MOST }),
      fc.array(night, { minLength: 2, maxLength: 4 }),
      async (size, nights) => {
        const server = new Server(join(folder, `scores-${(cases += 1)}.db`));
        const fleet: Fleet = new Map(Array.from({ length: size }, (_, at) => [idOf(at), [at % 11, at]]));
        let scored: Fleet = new Map();
        let weight = Number.NaN;
        for (const each of nights) {
          for (const [at, a, b] of each.set) fleet.set(idOf(at), [a, b]);
          for (const at of each.gone) fleet.delete(idOf(at));
          const [full] = await server.night('full', fleet, { ...each, deaths: [] });
          const [run, asked] = await server.night('incremental', fleet, each);
          expect(run.summary).toEqual(full.summary);
          const isSame = ([entity, [a, b]]: [string, readonly [number, number]]): boolean =>
            each.weight === weight && a !== POISON && scored.get(entity)?.[0] === a && scored.get(entity)?.[1] === b;
          const changed = [...fleet].filter((entry) => !isSame(entry)).map(([entity]) => entity);
          expect([...new Set(asked)].toSorted()).toEqual(changed.toSorted());
          // A chunk whose commit nobody heard is scored once more.
          expect(asked.length - changed.length).toBeLessThanOrEqual(each.deaths.length * CHUNK_ROWS);
          const { carried, scored: fresh, quarantined, done } = run.progress;
          expect([carried, fresh + quarantined, done]).toEqual([
            fleet.size - changed.length,
            changed.length,
            fleet.size,
          ]);
          expect(run.base === null).toBe(Number.isNaN(weight) || each.weight !== weight);
          scored = new Map(fleet);
          weight = each.weight;
        }
        server.close();
      },
    ),
    { numRuns: 12 },
  );
});
