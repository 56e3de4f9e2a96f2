/** What a stream takes out of records: which pass, under what key, with what values. */
import type { Labels } from '@shoal/protocol';
import type { Scalar, StreamDefinition } from '@shoal/protocol/wire';
import { bind } from './evaluate.ts';
import type { Column, RecordColumns } from './record-columns.ts';
import { keyColumn } from './stream-key.ts';
import type { StreamPlan } from './stream-plan.ts';

export interface Intake {
  /** `key` null: the record has none. `values` is used again for the next record. */
  take(key: string | null, row: number, values: readonly Scalar[]): void;
  filtered(records: number): void;
}

const selected = ({ source }: StreamDefinition, columns: RecordColumns): Column => {
  const [name, wanted] =
    source.kind === 'readings'
      ? ['$source', source.source]
      : source.kind === 'predictions'
        ? ['$model', source.model]
        : [];
  if (name === undefined || wanted === undefined) return () => true;
  const column = columns.column(name);
  return (row) => column(row) === wanted;
};

/** Records of another kind are none of the stream's. */
export const takeIn = (plan: StreamPlan, columns: RecordColumns, labels: Labels, intake: Intake): void => {
  const { definition, where, fields } = plan;
  if (columns.kind !== definition.source.kind) return;
  const isSelected = selected(definition, columns);
  const passes = where === undefined ? undefined : bind(where, columns);
  const keys = keyColumn(definition.key, columns, labels);
  const bound = fields.map(({ value }) => bind(value, columns));
  const values: Scalar[] = bound.map(() => null);
  let filtered = 0;
  for (let row = 0; row < columns.length; row += 1) {
    if (isSelected(row) !== true || (passes !== undefined && passes(row) !== true)) {
      filtered += 1;
      continue;
    }
    for (let index = 0; index < bound.length; index += 1) values[index] = bound[index]?.(row) ?? null;
    const key = keys(row);
    intake.take(typeof key === 'string' ? key : null, row, values);
  }
  if (filtered > 0) intake.filtered(filtered);
};
