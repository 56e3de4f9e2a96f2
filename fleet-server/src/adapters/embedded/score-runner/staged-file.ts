/** A file of entities becomes a list in order: what it says of each, and what is wrong with the rows that say nothing usable. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { codeFeature } from '@shoal/models';
import { entityIdSchema, type EntityFeature, type FeatureValue, type QuarantinedRow } from '@shoal/protocol';
import { parse } from 'csv-parse';
import { FleetError } from '../../../errors.ts';
import type { EntityOrigin, RunOrder } from '../../../ports/score-runner.ts';
import { readParquet } from './parquet-reader.ts';
import type { ChunkLedger, InputRow } from '../sqlite-scores/chunk-ledger.ts';

type FileOrigin = Extract<EntityOrigin, { kind: 'file' }>;
/** Cells by column, as text out of CSV and as JSON values out of NDJSON. */
type FileRow = Readonly<Record<string, unknown>>;

const ROWS_AT_ONCE = 1_000;
const ROW_BYTES = 65_536;
const SAMPLE_CHARACTERS = 128;
const ENTITY = 'entity';

/** Named as in the answers that list them; `undefined` of a feature is one that no view has. */
interface Target {
  readonly index: number;
  readonly feature: EntityFeature | undefined;
}

/** By name of the column: `feature`, or `view:feature`; of a model that pins no view the columns stand in the order of its input. */
const targetsOf = ({ layout }: RunOrder): ((names: readonly string[]) => ReadonlyMap<string, Target>) => {
  const { names, views, picks } = layout;
  const pinned = new Map(
    picks.flatMap(({ of, index: at }, index): [string, Target][] => {
      const feature = views[of]?.view.features[at];
      const target = { index, feature };
      return feature === undefined
        ? []
        : [
            [feature.name, target],
            [names[index] ?? feature.name, target],
          ];
    }),
  );
  if (views.length > 0) return () => pinned;
  return (columns) =>
    new Map(columns.filter((name) => name !== ENTITY).map((name, index) => [name, { index, feature: undefined }]));
};

const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false, 1: true, 0: false };

const valueOf = (feature: EntityFeature | undefined, cell: unknown): FeatureValue => {
  if (typeof cell !== 'string') return cell as FeatureValue;
  const datatype = feature?.datatype ?? 'number';
  if (datatype === 'number') return cell.trim() === '' ? Number.NaN : Number(cell);
  return datatype === 'boolean' ? (BOOLEANS[cell.toLowerCase()] ?? cell) : cell;
};

const isEmpty = (cell: unknown): boolean => cell === undefined || cell === null || cell === '' || cell === 'null';

const codedValue = (feature: EntityFeature | undefined, cell: unknown): number => {
  const value = valueOf(feature, cell);
  if (feature !== undefined) return codeFeature(feature, value);
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new RangeError(`${String(cell).slice(0, 40)} is no number`);
};

class Stage {
  readonly quarantined: QuarantinedRow[] = [];
  readonly #order: RunOrder;
  readonly #ledger: ChunkLedger;
  readonly #targets: ReturnType<typeof targetsOf>;
  #rows: InputRow[] = [];

  constructor(order: RunOrder, ledger: ChunkLedger) {
    this.#order = order;
    this.#ledger = ledger;
    this.#targets = targetsOf(order);
  }

  /** Columns that are read; undefined: all of them, in their order. */
  get columns(): ReadonlySet<string> | undefined {
    return this.#order.layout.views.length > 0 ? new Set(this.#targets([]).keys()) : undefined;
  }

  refuse(entity: string, reason: string, detail: string): void {
    this.quarantined.push({ entity: entity.slice(0, SAMPLE_CHARACTERS), reason, detail });
  }

  take(row: FileRow): void {
    const cell = row[ENTITY];
    const entity = typeof cell === 'string' ? cell.trim() : JSON.stringify(cell ?? '');
    if (!entityIdSchema.safeParse(entity).success) {
      this.refuse(entity, 'FEATURE_ENTITY_INVALID', 'There is no entity id.');
      return;
    }
    try {
      this.#rows.push({ entity, own: this.#own(row) });
    } catch (error) {
      this.refuse(entity, 'FEATURE_VALUE_REFUSED', error instanceof Error ? error.message : String(error));
    }
    if (this.#rows.length >= ROWS_AT_ONCE) this.flush();
  }

  flush(): void {
    const rows = this.#rows.splice(0);
    const twice = this.#ledger.stage(this.#order.runNo, rows);
    for (const entity of twice) this.refuse(entity, 'SCORING_ENTITY_TWICE', 'The first row of the entity is scored.');
  }

  #own(row: FileRow): Uint8Array {
    const own = new Float64Array(this.#order.layout.names.length).fill(Number.NaN);
    for (const [name, { index, feature }] of this.#targets(Object.keys(row))) {
      if (!isEmpty(row[name]) && index < own.length) own[index] = codedValue(feature, row[name]);
    }
    return new Uint8Array(own.buffer);
  }
}

async function* ndjsonRows(file: NodeJS.ReadableStream, stage: Stage): AsyncGenerator<FileRow> {
  for await (const line of createInterface({ input: file, crlfDelay: Infinity })) {
    if (line.trim() === '') continue;
    try {
      const row: unknown = JSON.parse(line);
      if (typeof row === 'object' && row !== null) yield row as FileRow;
      else stage.refuse(line, 'FEATURE_ROW_MALFORMED', 'The line is no JSON object.');
    } catch {
      stage.refuse(line, 'FEATURE_ROW_MALFORMED', 'The line is no JSON.');
    }
  }
}

const csvRows = (file: NodeJS.ReadableStream, stage: Stage): AsyncIterable<FileRow> =>
  file.pipe(
    parse({
      bom: true,
      columns: true,
      trim: true,
      skip_empty_lines: true,
      skip_records_with_error: true,
      max_record_size: ROW_BYTES,
      on_skip: (error) => {
        stage.refuse('', 'FEATURE_ROW_MALFORMED', error?.message ?? 'The row cannot be read.');
      },
    }),
  ) as AsyncIterable<FileRow>;

/** Text as it is hashed; it is read once. */
const textRows = async (path: string, format: 'csv' | 'ndjson', stage: Stage): Promise<string> => {
  const file = createReadStream(path);
  const hash = createHash('sha256');
  file.on('data', (bytes) => hash.update(bytes));
  for await (const row of format === 'csv' ? csvRows(file, stage) : ndjsonRows(file, stage)) stage.take(row);
  return hash.digest('hex');
};

/** Read here and there: what was hashed is what was read unless the file was touched meanwhile. */
const parquetFileRows = async (path: string, stage: Stage): Promise<string> => {
  const before = await stat(path);
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer);
  for await (const row of readParquet({ path, entity: ENTITY, wanted: stage.columns })) stage.take(row);
  const after = await stat(path);
  const isSame = after.ino === before.ino && after.size === before.size && after.mtimeMs === before.mtimeMs;
  return isSame ? hash.digest('hex') : 'touched';
};

/**
 * Lists the file anew. @returns the rows that are not in the list
 * @throws FleetError SCORING_INPUT_CHANGED when it is not the file that was submitted, SCORING_FILE_UNREADABLE
 */
export const stageFile = async (
  order: RunOrder,
  { path, format }: FileOrigin,
  ledger: ChunkLedger,
): Promise<readonly QuarantinedRow[]> => {
  ledger.clearInputs(order.runNo);
  const stage = new Stage(order, ledger);
  const hash = format === 'parquet' ? await parquetFileRows(path, stage) : await textRows(path, format, stage);
  stage.flush();
  if (`file:${hash}` === order.input) return stage.quarantined;
  throw new FleetError('SCORING_INPUT_CHANGED', `${path} was changed since the run was submitted; submit it again.`);
};
