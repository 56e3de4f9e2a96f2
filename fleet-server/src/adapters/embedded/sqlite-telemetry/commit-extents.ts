/** The log row of a commit: which runs of keys it added, so that a consumer reads exactly those rows again. */
import type { Day } from './day-table.ts';
import { RangeSet } from './range-set.ts';

/** Rows of one device, kind and epoch that came with one commit. */
export interface Extent {
  readonly day: Day;
  readonly deviceNo: number;
  readonly kind: number;
  readonly epochNo: number;
  readonly firstEventAt: number;
  readonly lastEventAt: number;
  readonly ranges: readonly (readonly [number, number])[];
}

interface Growing {
  readonly day: Day;
  readonly deviceNo: number;
  readonly kind: number;
  readonly epochNo: number;
  firstEventAt: number;
  lastEventAt: number;
  readonly sequences: RangeSet;
}

/** Collects the rows of one commit. */
export class CommitExtents {
  readonly #growing = new Map<string, Growing>();
  #last: Growing | undefined;

  get isEmpty(): boolean {
    return this.#growing.size === 0;
  }

  add(row: { day: Day; deviceNo: number; kind: number; epochNo: number; eventAt: number; sequence: number }): void {
    const extent = this.#extentOf(row);
    if (row.eventAt < extent.firstEventAt) extent.firstEventAt = row.eventAt;
    if (row.eventAt > extent.lastEventAt) extent.lastEventAt = row.eventAt;
    extent.sequences.add(row.sequence);
  }

  toText(): string {
    const extents = [...this.#growing.values()].map((extent) => [
      extent.day,
      extent.deviceNo,
      extent.kind,
      extent.epochNo,
      extent.firstEventAt,
      extent.lastEventAt,
      extent.sequences.toRanges(),
    ]);
    return JSON.stringify(extents);
  }

  #extentOf(row: { day: Day; deviceNo: number; kind: number; epochNo: number; eventAt: number }): Growing {
    const last = this.#last;
    if (last !== undefined && last.epochNo === row.epochNo && last.kind === row.kind && last.day === row.day) return last;
    const key = `${row.day}/${row.epochNo}/${row.kind}`;
    const extent = this.#growing.get(key) ?? {
      day: row.day,
      deviceNo: row.deviceNo,
      kind: row.kind,
      epochNo: row.epochNo,
      firstEventAt: row.eventAt,
      lastEventAt: row.eventAt,
      sequences: new RangeSet(),
    };
    this.#growing.set(key, extent);
    this.#last = extent;
    return extent;
  }
}

type ExtentTuple = [Day, number, number, number, number, number, [number, number][]];

export const parseExtents = (text: string): Extent[] =>
  (JSON.parse(text) as ExtentTuple[]).map(([day, deviceNo, kind, epochNo, firstEventAt, lastEventAt, ranges]) => ({
    day,
    deviceNo,
    kind,
    epochNo,
    firstEventAt,
    lastEventAt,
    ranges,
  }));
