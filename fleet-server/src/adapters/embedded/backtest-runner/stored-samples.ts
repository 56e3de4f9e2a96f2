/** Stored readings of one device in the order of event time, a bounded page at a time, as a model may see them. */
import type { WindowSample } from '@shoal/models';
import type { StoredReading } from '@shoal/protocol';
import { readHistory } from '../sqlite-telemetry/history-reads.ts';
import type { Sqlite } from '../sqlite-telemetry/telemetry-file.ts';

const PAGE_ROWS = 1_000;
const SLICE_MS = 86_400_000;

export interface StoredSample extends WindowSample {
  /** What is to be added to the clock of the device. */
  readonly skewMs: number;
}

export interface SampleQuery {
  readonly deviceId: string;
  /** Half-open, event time. */
  readonly from: number;
  readonly to: number;
  readonly source: string | undefined;
}

/** What a device withholds from its models it has marked, and sent as it came. */
const visible = ({ values, marks }: StoredReading): WindowSample['values'] => {
  const withheld = Object.entries(marks ?? {}).filter(([, mark]) => mark === 'out-of-range');
  return withheld.length === 0 ? values : { ...values, ...Object.fromEntries(withheld.map(([name]) => [name, null])) };
};

const page = (db: Sqlite, query: SampleQuery, limit: number, cursor?: string) =>
  readHistory(db, { ...query, kind: 'readings', order: 'asc', limit, cursor });

// Days of event time, so that days of receipt which hold none of one are asked in vain and not in full.
export function* storedSamples(db: Sqlite, query: SampleQuery): Generator<readonly StoredSample[]> {
  const first = page(db, query, 1).items[0]?.eventAt;
  if (first === undefined) return;
  for (let from = first; from < query.to; from += SLICE_MS) {
    const slice = { ...query, from, to: Math.min(query.to, from + SLICE_MS) };
    let cursor: string | undefined;
    do {
      const { items, nextCursor } = page(db, slice, PAGE_ROWS, cursor);
      const readings = (items as StoredReading[]).filter(
        ({ source }) => query.source === undefined || source === query.source,
      );
      yield readings.map((reading) => ({
        observedAt: reading.observedAt,
        values: visible(reading),
        skewMs: reading.eventAt - reading.observedAt,
      }));
      cursor = nextCursor ?? undefined;
    } while (cursor !== undefined);
  }
}
