/** Which rows of a chunk were scored from the same vector before, and the chunk put together from their scores and the new ones. */
import { hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { ScoreColumn } from '../../../ports/score-store.ts';
import { decodeBlock, MARK_BYTES, type ScoredRows } from '../sqlite-scores/score-block.ts';
import type { Sqlite } from '../sqlite-scores/scores-file.ts';
import type { Rows, ScoredBatch } from './batch-engine.ts';

/** A few milliseconds of work. */
const SLICE_ROWS = 512;

interface MarkedBlock {
  readonly first: string;
  readonly block_rows: number;
  readonly data: Buffer;
  readonly marks: Buffer | null;
}

interface EarlierRows extends ScoredRows {
  readonly marks: Uint8Array;
}

export interface SplitRows {
  readonly all: Rows;
  /** `MARK_BYTES` of each row of all. */
  readonly marks: Uint8Array;
  /** Where the model has to be asked. */
  readonly changed: Rows;
  /** Parallel to all: where the scores of an unchanged row stand. */
  readonly earlier: readonly (EarlierPlace | undefined)[];
}

interface EarlierPlace {
  readonly rows: EarlierRows;
  readonly index: number;
}

const markOf = (vector: Float32Array): Uint8Array =>
  hash('sha256', new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), 'buffer').subarray(0, MARK_BYTES);

export class CarriedRows {
  readonly #columns: readonly ScoreColumn[];
  readonly #find: (entity: string) => MarkedBlock | undefined;
  #at: EarlierRows | undefined;

  /** `baseNo` null: nothing is carried over, and rows are only marked. */
  constructor(scores: Sqlite, baseNo: number | null, columns: readonly ScoreColumn[]) {
    this.#columns = columns;
    const find = scores.prepare<[number, string], MarkedBlock>(
      'SELECT first, block_rows, data, marks FROM blocks WHERE run_no = ? AND first <= ? ORDER BY first DESC LIMIT 1',
    );
    this.#find = (entity) => (baseNo === null ? undefined : find.get(baseNo, entity));
  }

  async split(all: Rows): Promise<SplitRows> {
    const { entities, matrix } = all;
    const width = entities.length === 0 ? 0 : matrix.length / entities.length;
    const marks = new Uint8Array(entities.length * MARK_BYTES);
    const earlier: (EarlierPlace | undefined)[] = [];
    const changed: string[] = [];
    const vectors = new Float32Array(matrix.length);
    for (const [row, entity] of entities.entries()) {
      if (row % SLICE_ROWS === SLICE_ROWS - 1) await setImmediate();
      const vector = matrix.subarray(row * width, (row + 1) * width);
      const mark = markOf(vector);
      marks.set(mark, row * MARK_BYTES);
      const place = this.#unchanged(entity, mark);
      earlier.push(place);
      if (place !== undefined) continue;
      vectors.set(vector, changed.length * width);
      changed.push(entity);
    }
    return { all, marks, changed: { entities: changed, matrix: vectors.subarray(0, changed.length * width) }, earlier };
  }

  #unchanged(entity: string, mark: Uint8Array): EarlierPlace | undefined {
    const rows = this.#rowsAround(entity);
    const index = rows?.entities.indexOf(entity) ?? -1;
    if (rows === undefined || index < 0) return undefined;
    const before = rows.marks.subarray(index * MARK_BYTES, (index + 1) * MARK_BYTES);
    return Buffer.compare(before, mark) === 0 ? { rows, index } : undefined;
  }

  /** Entities come in order: most are in the rows that the one before was in. */
  #rowsAround(entity: string): EarlierRows | undefined {
    const [first = '', last = ''] = [this.#at?.entities[0], this.#at?.entities.at(-1)];
    if (this.#at !== undefined && first <= entity && entity <= last) return this.#at;
    const block = this.#find(entity);
    if (block === undefined || block.marks === null) return undefined;
    if (this.#at !== undefined && first === block.first) return this.#at;
    this.#at = { ...decodeBlock(block.data, block.block_rows, this.#columns), marks: block.marks };
    return this.#at;
  }
}

/** All rows with scores, in order. */
export const joined = (
  { all, marks, earlier }: SplitRows,
  scored: ScoredBatch,
): ScoredRows & { readonly carried: number } => {
  const kept = keptOf(all, earlier, scored);
  const columns = scored.columns.map((fresh, column) => {
    const values = fresh instanceof Float32Array ? new Float32Array(kept.length) : new Float64Array(kept.length);
    for (const [at, { place, fresh: from }] of kept.entries())
      values[at] = (place === undefined ? fresh[from] : place.rows.columns[column]?.[place.index]) ?? Number.NaN;
    return values;
  });
  const ownMarks = new Uint8Array(kept.length * MARK_BYTES);
  for (const [at, { row }] of kept.entries())
    ownMarks.set(marks.subarray(row * MARK_BYTES, (row + 1) * MARK_BYTES), at * MARK_BYTES);
  return {
    entities: kept.map(({ row }) => all.entities[row] ?? ''),
    columns,
    marks: ownMarks,
    carried: kept.length - scored.entities.length,
  };
};

interface KeptRow {
  readonly row: number;
  readonly place: EarlierPlace | undefined;
  /** Where a row without a place stands among those that were scored. */
  readonly fresh: number;
}

/** Without those that could not be scored. */
const keptOf = ({ entities }: Rows, earlier: SplitRows['earlier'], scored: ScoredBatch): KeptRow[] => {
  const kept: KeptRow[] = [];
  let fresh = 0;
  for (const [row, entity] of entities.entries()) {
    const place = earlier[row];
    if (place !== undefined) kept.push({ row, place, fresh });
    else if (scored.entities[fresh] === entity) kept.push({ row, place, fresh: fresh++ });
  }
  return kept;
};
