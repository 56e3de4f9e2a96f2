/** Files of all scores of one run, made piece by piece while they are taken. */
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { csvLine } from '../../../listing/csv.ts';
import type { ExportFormat, PublishedRun } from '../../../ports/score-store.ts';
import { runBlocks } from './run-blocks.ts';
import type { ScoredRows } from './score-block.ts';
import type { Sqlite } from './scores-file.ts';

/** 4,096 rows of text: a few milliseconds of work. */
const TEXT_BLOCKS = 32;
/** 65,536 rows: as large as a row group has to be for columns to compress. */
const GROUP_BLOCKS = 512;

const numberOf = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

/** Text of each row of some blocks. */
const textOf = (
  blocks: readonly ScoredRows[],
  line: (entity: string, scores: readonly (number | null)[]) => string,
): Uint8Array => {
  const lines = blocks.flatMap(({ entities, columns }) =>
    entities.map((entity, index) =>
      line(
        entity,
        columns.map((column) => numberOf(column[index])),
      ),
    ),
  );
  return Buffer.from(lines.join(''), 'latin1');
};

/** @yields the header, then lines */
function* csvFile(db: Sqlite, run: PublishedRun): Generator<Uint8Array> {
  yield Buffer.from(csvLine(['entity', ...run.columns.map(({ name }) => name)]), 'utf8');
  for (const blocks of runBlocks(db, run, TEXT_BLOCKS))
    yield textOf(blocks, (entity, scores) => csvLine([entity, ...scores]));
}

/** @yields lines */
function* ndjsonFile(db: Sqlite, run: PublishedRun): Generator<Uint8Array> {
  const names = run.columns.map(({ name }) => name);
  for (const blocks of runBlocks(db, run, TEXT_BLOCKS)) {
    yield textOf(blocks, (entity, scores) => {
      const named = Object.fromEntries(names.map((name, index) => [name, scores[index] ?? null]));
      return `${JSON.stringify({ entity, scores: named })}\n`;
    });
  }
}

/** What was written since the last call; the offsets in the file go on. */
const taken = (writer: ByteWriter): Uint8Array => {
  const bytes = new Uint8Array(writer.buffer.slice(0, writer.index));
  writer.index = 0;
  return bytes;
};

/** @yields a row group at a time, and the footer that names them */
function* parquetFile(db: Sqlite, run: PublishedRun): Generator<Uint8Array> {
  const writer = new ByteWriter();
  const file = new ParquetWriter({
    writer,
    schema: [
      { name: 'root', num_children: run.columns.length + 1 },
      { name: 'entity', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
      ...run.columns.map(({ name, type }) => ({
        name,
        type: type === 'f32' ? ('FLOAT' as const) : ('DOUBLE' as const),
        repetition_type: 'OPTIONAL' as const,
      })),
    ],
    kvMetadata: [
      { key: 'shoal.run', value: run.runId },
      { key: 'shoal.asOf', value: String(run.asOf) },
      { key: 'shoal.model', value: `${run.model.name} ${run.model.version}` },
    ],
  });
  for (const blocks of runBlocks(db, run, GROUP_BLOCKS)) {
    const rows = blocks.reduce((count, { entities }) => count + entities.length, 0);
    void file.write({
      columnData: [
        { name: 'entity', data: blocks.flatMap(({ entities }) => entities) },
        ...run.columns.map(({ name }, column) => ({
          name,
          data: blocks.flatMap(({ columns }) => Array.from(columns[column] ?? [], numberOf)),
        })),
      ],
      rowGroupSize: rows,
    });
    yield taken(writer);
  }
  void file.finish();
  yield taken(writer);
}

const FILES: Readonly<Record<ExportFormat, (db: Sqlite, run: PublishedRun) => Generator<Uint8Array>>> = {
  csv: csvFile,
  ndjson: ndjsonFile,
  parquet: parquetFile,
};

export class ScoreExports {
  readonly #db: Sqlite;
  readonly #open = new Map<number, Generator<Uint8Array>>();
  #last = 0;

  constructor(db: Sqlite) {
    this.#db = db;
  }

  open(run: PublishedRun, format: ExportFormat): number {
    this.#last += 1;
    this.#open.set(this.#last, FILES[format](this.#db, run));
    return this.#last;
  }

  /** Null: that was all, or it was closed. */
  part(exportNo: number): Uint8Array | null {
    const next = this.#open.get(exportNo)?.next();
    return next === undefined || next.done === true ? null : next.value;
  }

  close(exportNo: number): null {
    this.#open.delete(exportNo);
    return null;
  }
}
