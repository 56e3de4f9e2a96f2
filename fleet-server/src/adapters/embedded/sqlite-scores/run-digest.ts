/** Looks a run over beside another one for its report: both are walked once in the order of the entities, a few blocks at a time. */
import type {
  PartitionDigest,
  QuarantineDigest,
  RunDigest,
  SampledScore,
  ScoreChange,
} from '../../../ports/run-digest.ts';
import type { PublishedRun } from '../../../ports/score-store.ts';
import { runBlocks } from './run-blocks.ts';
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

/** One entity after the other; `undefined` says that a piece of work is done. */
function* placesOf(db: Sqlite, run: PublishedRun): Generator<Place | undefined> {
  for (const blocks of runBlocks(db, run, BLOCKS_AT_ONCE)) {
    yield undefined;
    for (const rows of blocks) for (const index of rows.entities.keys()) yield { rows, index };
  }
}

const entityAt = ({ rows, index }: Place): string => rows.entities[index] ?? '';

/** Keeps the greatest differences. */
class Changes {
  #kept: ScoreChange[] = [];
  #least = 0;

  add(entity: string, before: number | undefined, now: number | undefined): void {
    if (before === undefined || now === undefined || !Number.isFinite(now - before)) return;
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

/** Yields between pieces of work, and the digest last. `rows`: how many the run has. */
export function* digestRun(
  db: Sqlite,
  run: PublishedRun,
  against: PublishedRun | undefined,
  rows: number,
): Generator<RunDigest | undefined> {
  const paired = run.columns.map(({ name }) => against?.columns.findIndex((column) => column.name === name) ?? -1);
  const changes = run.columns.map(() => new Changes());
  const sample: SampledScore[] = [];
  const every = Math.max(1, Math.ceil(rows / SAMPLE_SIZE));
  const others = against === undefined ? undefined : placesOf(db, against);
  let other: Place | undefined;
  let seen = 0;
  for (const place of placesOf(db, run)) {
    if (place === undefined) {
      yield undefined;
      continue;
    }
    const entity = entityAt(place);
    if (seen % every === 0) {
      const scores = place.rows.columns.map((column) => column[place.index] ?? Number.NaN);
      sample.push({ entity, scores: scores.map((score) => (Number.isFinite(score) ? score : null)) });
    }
    seen += 1;
    while (others !== undefined && (other === undefined || entityAt(other) < entity)) {
      const next = others.next();
      if (next.done === true) break;
      other = next.value ?? other;
    }
    if (other === undefined || entityAt(other) !== entity) continue;
    for (const [column, before] of paired.entries())
      if (before >= 0)
        changes[column]?.add(
          entity,
          other.rows.columns[before]?.[other.index],
          place.rows.columns[column]?.[place.index],
        );
  }
  yield {
    partitions: partitionsOf(db, run.runNo),
    reasons: reasonsOf(db, run.runNo),
    changed: changes.map((each) => each.greatest()),
    sample,
  };
}
