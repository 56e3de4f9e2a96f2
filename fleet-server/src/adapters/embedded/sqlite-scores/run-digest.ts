/** Looks a run over beside another one for its report: both are walked once in the order of the entities, a few blocks at a time. */
import type {
  DigestQuery,
  PartitionDigest,
  QuarantineDigest,
  RunDigest,
  SampledScore,
  ScoreChange,
} from '../../../ports/run-digest.ts';
import type { PublishedRun } from '../../../ports/score-store.ts';
import { runBlocks } from './run-blocks.ts';
import { RunReads } from './run-reads.ts';
import type { ScoredRows } from './score-block.ts';
import type { Sqlite } from './scores-file.ts';

/** 4,096 rows: a few milliseconds of work. */
const BLOCKS_AT_ONCE = 32;
const CHANGES_KEPT = 20;
const SAMPLE_SIZE = 2_000;

interface Place {
  readonly rows: ScoredRows;
  readonly index: number;
}

/** @yields one entity after the other; `undefined` says that a piece of work is done */
function* placesOf(db: Sqlite, run: PublishedRun): Generator<Place | undefined> {
  for (const blocks of runBlocks(db, run, BLOCKS_AT_ONCE)) {
    yield undefined;
    for (const rows of blocks) for (const index of rows.entities.keys()) yield { rows, index };
  }
}

const entityAt = ({ rows, index }: Place): string => rows.entities[index] ?? '';
const valueAt = ({ rows, index }: Place, column: number): number => rows.columns[column]?.[index] ?? Number.NaN;
const scoresAt = ({ rows, index }: Place): (number | null)[] =>
  rows.columns.map((column) => {
    const score = column[index] ?? Number.NaN;
    return Number.isFinite(score) ? score : null;
  });

/** Keeps the greatest differences. */
class Changes {
  #kept: ScoreChange[] = [];
  #least = 0;

  add(entity: string, before: number, now: number): void {
    if (!Number.isFinite(now - before)) return;
    if (Math.abs(now - before) <= this.#least) return;
    this.#kept.push({ entity, before, now });
    if (this.#kept.length >= 2 * CHANGES_KEPT) this.#cut();
  }

  greatest(): readonly ScoreChange[] {
    this.#cut();
    return this.#kept;
  }

  #cut(): void {
    const size = ({ before, now }: ScoreChange): number => Math.abs(now - before);
    this.#kept = this.#kept.toSorted((a, b) => size(b) - size(a)).slice(0, CHANGES_KEPT);
    const last = this.#kept.at(-1);
    if (this.#kept.length === CHANGES_KEPT && last !== undefined) this.#least = size(last);
  }
}

const rowsOf = (db: Sqlite, { runNo }: PublishedRun): number =>
  db.prepare<[number], number>('SELECT total(done_rows) FROM partitions WHERE run_no = ?').pluck().get(runNo) as number;

const partitionsOf = (db: Sqlite, runNo: number): PartitionDigest[] =>
  db
    .prepare<[number], PartitionDigest>(
      `SELECT p.part_no AS partNo, p.done_rows AS rows, p.quarantined, p.committed AS chunks, p.fence AS attempts,
        (SELECT max(at) - min(at) FROM chunks c WHERE c.run_no = p.run_no AND c.part_no = p.part_no) AS spanMs
      FROM partitions p WHERE p.run_no = ? ORDER BY p.part_no`,
    )
    .all(runNo);

const reasonsOf = (db: Sqlite, runNo: number): QuarantineDigest[] =>
  db
    .prepare<[number], QuarantineDigest & { first: number }>(
      `SELECT reason, count(*) AS rows, min(row_no) AS first, entity, detail FROM quarantine WHERE run_no = ?
      GROUP BY reason ORDER BY rows DESC, reason`,
    )
    .all(runNo)
    .map(({ reason, rows, entity, detail }) => ({ reason, rows, entity, detail }));

/** Parallel to the columns of the run: the same column of the other one; -1 where that has none. */
const pairsOf = (run: PublishedRun, against: PublishedRun | undefined): number[] =>
  run.columns.map(({ name }) => against?.columns.findIndex((column) => column.name === name) ?? -1);

/** @yields between pieces of work; returns what the walk over the rows collects */
function* walk(
  db: Sqlite,
  run: PublishedRun,
  against: PublishedRun | undefined,
): Generator<undefined, Pick<RunDigest, 'changed' | 'sample'>> {
  const pairs = pairsOf(run, against);
  const changes = run.columns.map(() => new Changes());
  const sample: SampledScore[] = [];
  const every = Math.max(1, Math.ceil(rowsOf(db, run) / SAMPLE_SIZE));
  const others = against === undefined ? undefined : placesOf(db, against);
  let other: Place | undefined;
  let seen = 0;
  for (const place of placesOf(db, run)) {
    if (place === undefined) {
      yield undefined;
      continue;
    }
    const entity = entityAt(place);
    if (seen % every === 0) sample.push({ entity, scores: scoresAt(place) });
    seen += 1;
    while (others !== undefined && (other === undefined || entityAt(other) < entity)) {
      const next = others.next();
      if (next.done === true) break;
      other = next.value ?? other;
    }
    if (other === undefined || entityAt(other) !== entity) continue;
    for (const [column, before] of pairs.entries()) {
      if (before >= 0) changes[column]?.add(entity, valueAt(other, before), valueAt(place, column));
    }
  }
  return { changed: changes.map((each) => each.greatest()), sample };
}

/** @yields undefined between pieces of work, and the digest last; rows of a run whose scores are not kept are none */
function* digestRun(db: Sqlite, { job, runId, against }: DigestQuery): Generator<RunDigest | undefined> {
  const runs = new RunReads(db);
  const { runNo = 0 } = runs.find(runId) ?? {};
  const run = runs.readable(job, runId);
  const other = against === undefined ? null : runs.readable(job, against);
  const rows = run === null ? { changed: [], sample: [] } : yield* walk(db, run, other ?? undefined);
  yield { partitions: partitionsOf(db, runNo), reasons: reasonsOf(db, runNo), ...rows };
}

/** Digests under way, each a few milliseconds at a time. */
export class RunDigests {
  readonly #db: Sqlite;
  readonly #open = new Map<number, Generator<RunDigest | undefined>>();
  #last = 0;

  constructor(db: Sqlite) {
    this.#db = db;
  }

  open(query: DigestQuery): number {
    this.#last += 1;
    this.#open.set(this.#last, digestRun(this.#db, query));
    return this.#last;
  }

  /** Null: not yet. */
  part(digestNo: number): RunDigest | null {
    const next = this.#open.get(digestNo)?.next();
    return next === undefined || next.done === true ? null : (next.value ?? null);
  }

  close(digestNo: number): null {
    this.#open.delete(digestNo);
    return null;
  }
}
