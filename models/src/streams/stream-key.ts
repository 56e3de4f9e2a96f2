/** Which key the records of a device have in a stream. */
import type { Labels } from '@shoal/protocol';
import type { StreamKey } from '@shoal/protocol/wire';
import type { Column, RecordColumns } from './record-columns.ts';

const has = (
  labels: Labels,
  { label, value }: { readonly label: string; readonly value?: string | undefined },
): boolean => Object.hasOwn(labels, label) && (value === undefined || labels[label] === value);

/** The one key of all records of the device; null when it has none, undefined when the key is in the record. */
export const keyOfDevice = (key: StreamKey, deviceId: string, labels: Labels): string | null | undefined => {
  switch (key.by) {
    case 'device':
      return deviceId;
    case 'label':
      return Object.hasOwn(labels, key.label) ? (labels[key.label] ?? null) : null;
    case 'cohort':
      return key.cohorts.find(({ where }) => where.every((term) => has(labels, term)))?.name ?? null;
    case 'model':
    case 'prediction-label':
      return undefined;
  }
};

/** Row by row. */
export const keyColumn = (key: StreamKey, columns: RecordColumns, labels: Labels): Column => {
  const ofDevice = keyOfDevice(key, columns.deviceId, labels);
  if (ofDevice !== undefined) return () => ofDevice;
  return columns.column(key.by === 'model' ? '$model' : '$label');
};
