/** What the windows must be: computed from all records at once, sorted, without states, merges or watermarks. */
import type { AnyRecord, DeviceEvent, Prediction, Reading, RecordKind } from '@shoal/protocol';

export interface PlacedRecord {
  readonly deviceId: string;
  readonly kind: RecordKind;
  readonly record: AnyRecord;
  readonly eventAt: number;
  readonly isClockBad: boolean;
}

export interface ExpectedWindow {
  readonly key: string;
  readonly startAt: number;
  readonly endAt: number;
  readonly of: readonly PlacedRecord[];
}

export const reading = ({ record }: PlacedRecord): Reading => record as Reading;
export const predictionOf = ({ record }: PlacedRecord): Prediction => record as Prediction;
export const eventOf = ({ record }: PlacedRecord): DeviceEvent => record as DeviceEvent;

const byTime = (a: PlacedRecord, b: PlacedRecord): number =>
  a.eventAt - b.eventAt || a.record.sequence - b.record.sequence;

type Keyed = readonly (readonly [key: string, records: readonly PlacedRecord[]])[];

const sortedByKey = (records: readonly PlacedRecord[], keyOf: (each: PlacedRecord) => string | undefined): Keyed =>
  [...Map.groupBy(records, keyOf)].flatMap(([key, ofKey]) =>
    key === undefined ? [] : [[key, ofKey.toSorted(byTime)] as const],
  );

type KeyOf = (each: PlacedRecord) => string | undefined;

export const hopping = (
  records: readonly PlacedRecord[],
  keyOf: KeyOf,
  { sizeMs, everyMs }: { readonly sizeMs: number; readonly everyMs: number },
): ExpectedWindow[] =>
  sortedByKey(records, keyOf).flatMap(([key, ofKey]) => {
    const windows = new Map<number, PlacedRecord[]>();
    for (const each of ofKey) {
      for (let start = Math.floor(each.eventAt / everyMs) * everyMs; start > each.eventAt - sizeMs; start -= everyMs) {
        windows.set(start, [...(windows.get(start) ?? []), each]);
      }
    }
    return [...windows].map(([startAt, of]) => ({ key, startAt, endAt: startAt + sizeMs, of }));
  });

export const sessions = (records: readonly PlacedRecord[], keyOf: KeyOf, gapMs: number): ExpectedWindow[] =>
  sortedByKey(records, keyOf).flatMap(([key, ofKey]) => {
    const runs: PlacedRecord[][] = [];
    for (const each of ofKey) {
      const last = runs.at(-1);
      if (last !== undefined && each.eventAt - (last.at(-1)?.eventAt ?? 0) < gapMs) last.push(each);
      else runs.push([each]);
    }
    return runs.map((of) => ({
      key,
      startAt: of[0]?.eventAt ?? 0,
      endAt: (of.at(-1)?.eventAt ?? 0) + gapMs,
      of,
    }));
  });

/** `records` in the order of the log. */
export const counts = (records: readonly PlacedRecord[], keyOf: KeyOf, size: number): ExpectedWindow[] =>
  [...Map.groupBy(records, keyOf)].flatMap(([key, ofKey]) => {
    if (key === undefined) return [];
    const parts = Array.from({ length: Math.floor(ofKey.length / size) }, (_, index) =>
      ofKey.slice(index * size, (index + 1) * size),
    );
    return parts.map((of) => ({
      key,
      startAt: Math.min(...of.map(({ eventAt }) => eventAt)),
      endAt: Math.max(...of.map(({ eventAt }) => eventAt)) + 1,
      of,
    }));
  });

export const statistics = (values: readonly number[]) => {
  const sum = values.reduce((total, value) => total + value, 0);
  const mean = sum / values.length;
  const spread = values.reduce((total, value) => total + (value - mean) ** 2, 0);
  return values.length === 0
    ? { sum: null, mean: null, min: null, max: null, std: null }
    : { sum, mean, min: Math.min(...values), max: Math.max(...values), std: Math.sqrt(spread / values.length) };
};
