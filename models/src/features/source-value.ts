/** What one record of a device says to one window of features. */
import type { AnyRecord, StreamSource } from '@shoal/protocol/wire';

/** Undefined: nothing. Always a finite number otherwise. */
export const sourceValue = (source: StreamSource, record: AnyRecord): number | undefined => {
  const value = source.kind === 'readings' ? readingOf(source, record) : outputOf(source, record);
  return value !== undefined && Number.isFinite(value) ? value : undefined;
};

const readingOf = ({ channel }: Extract<StreamSource, { kind: 'readings' }>, record: AnyRecord): number | undefined =>
  'values' in record ? (record.values[channel] ?? undefined) : undefined;

const outputOf = (
  { model, output }: Extract<StreamSource, { kind: 'predictions' }>,
  record: AnyRecord,
): number | undefined => {
  if (!('outputs' in record)) return undefined;
  return model === undefined || record.model.name === model ? record.outputs[output] : undefined;
};
