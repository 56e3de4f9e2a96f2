/** Rows of an imported CSV file as writes: what a column means, and what is wrong with a row. */
import { entityIdSchema, type EntityFeature, type FeatureValue } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import type { PushedWrite } from '../ports/feature-store.ts';
import type { CompiledView } from './compiled-view.ts';
import { codeValues, requirePast } from './pushed-values.ts';

export interface CsvColumns {
  readonly entity: number;
  /** -1 when the file has no times. */
  readonly eventAt: number;
  readonly features: readonly { readonly column: number; readonly feature: EntityFeature }[];
  readonly width: number;
}

const ENTITY = 'entity';
const EVENT_AT = 'eventAt';
/** Says that there is no value; an empty cell says nothing. */
const NULL = 'null';

/** @throws FleetError FEATURE_HEADER_INVALID with every fault */
export const readHeader = ({ view }: CompiledView, header: readonly string[]): CsvColumns => {
  const names = header.map((name) => name.trim());
  const known = new Map(view.features.map((feature) => [feature.name, feature]));
  const faults = names.flatMap((name, column) => {
    const path = `column ${column + 1}`;
    if (names.indexOf(name) !== column) return [{ path, message: `"${name.slice(0, 80)}" is there twice` }];
    if (name === ENTITY || name === EVENT_AT) return [];
    const feature = known.get(name);
    if (feature === undefined) return [{ path, message: `view ${view.name} has no feature "${name.slice(0, 80)}"` }];
    return feature.source.kind === 'pushed' ? [] : [{ path, message: `${name} is computed, not imported` }];
  });
  if (!names.includes(ENTITY)) faults.unshift({ path: 'header', message: 'there is no column "entity"' });
  if (faults.length > 0) {
    const summary = faults.slice(0, 20).map(({ path, message }) => `${path}: ${message}`);
    throw new FleetError('FEATURE_HEADER_INVALID', `Nothing was stored: ${summary.join('; ')}.`, {
      faults: faults.slice(0, 20),
    });
  }
  return {
    entity: names.indexOf(ENTITY),
    eventAt: names.indexOf(EVENT_AT),
    features: names.flatMap((name, column) => {
      const feature = known.get(name);
      return feature === undefined ? [] : [{ column, feature }];
    }),
    width: names.length,
  };
};

/** @throws FleetError with the reason the row is refused for */
export const readRow = (
  compiled: CompiledView,
  columns: CsvColumns,
  cells: readonly string[],
  now: number,
): PushedWrite => {
  if (cells.length !== columns.width) {
    throw new FleetError('FEATURE_ROW_MALFORMED', `${cells.length} cells, the header has ${columns.width}.`);
  }
  const entity = (cells[columns.entity] ?? '').trim();
  if (!entityIdSchema.safeParse(entity).success) {
    throw new FleetError('FEATURE_ENTITY_INVALID', `"${entity.slice(0, 80)}" is no entity id.`);
  }
  const eventAt = instantOf(columns.eventAt < 0 ? '' : (cells[columns.eventAt] ?? '').trim());
  requirePast(eventAt, now);
  const given = columns.features.flatMap(({ column, feature }): [string, FeatureValue | null][] => {
    const cell = (cells[column] ?? '').trim();
    return cell === '' ? [] : [[feature.name, cell === NULL ? null : cellValue(feature, cell)]];
  });
  if (given.length === 0) throw new FleetError('FEATURE_ROW_MALFORMED', 'The row has no value.');
  return {
    viewNo: compiled.viewNo,
    entity,
    eventAt: eventAt ?? null,
    values: codeValues(compiled, Object.fromEntries(given)),
  };
};

const MILLISECONDS = /^\d{1,16}$/;
/** RFC 3339 with its offset: a time without one means another instant in every place. */
const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

const instantOf = (cell: string): number | undefined => {
  if (cell === '') return undefined;
  const instant = MILLISECONDS.test(cell) ? Number(cell) : ISO.test(cell) ? Date.parse(cell) : Number.NaN;
  if (Number.isSafeInteger(instant) && instant >= 0) return instant;
  throw new FleetError(
    'FEATURE_TIME_INVALID',
    `"${cell.slice(0, 80)}" is neither milliseconds nor 2026-11-26T12:00:00Z.`,
  );
};

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false, 1: true, 0: false };

/** What is no value of the type stays text, and is refused as such. */
const cellValue = ({ datatype }: EntityFeature, cell: string): FeatureValue => {
  if (datatype === 'number') return NUMBER.test(cell) ? Number(cell) : cell;
  return datatype === 'boolean' ? (BOOLEANS[cell.toLowerCase()] ?? cell) : cell;
};
