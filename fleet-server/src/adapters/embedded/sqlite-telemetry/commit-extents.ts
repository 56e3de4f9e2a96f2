/** The log row of a commit: which runs of keys it added, so that a consumer reads exactly those rows again. */
import type { Day } from './day-table.ts';
import { RangeSet } from './range-set.ts';

interface ExtentKey {
  readonly day: Day;
  readonly deviceNo: number;
  readonly kind: number;
  readonly epochNo: number;
}

/** Rows of one device, kind and epoch that came with one commit. */
export interface Extent extends ExtentKey {
  readonly firstEventAt: number;
  readonly lastEventAt: number;
  readonly ranges: readonly (readonly [number, number])[];
}

/** What a row adds to its extent. */
interface ExtentRow {
  readonly kind: number;
  readonly eventAt: number;
  readonly sequence: number;
}

interface Growing extends ExtentKey {
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

  add(day: Day, deviceNo: number, epochNo: number, row: ExtentRow): void {
    const { kind, eventAt } = row;
    const last = this.#last;
    const fits = last !== undefined && last.epochNo === epochNo && last.kind === kind && last.day === day;
    const extent = fits ? last : this.#extentOf({ day, deviceNo, kind, epochNo }, eventAt);
    if (eventAt < extent.firstEventAt) extent.firstEventAt = eventAt;
    if (eventAt > extent.lastEventAt) extent.lastEventAt = eventAt;
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

  #extentOf(key: ExtentKey, eventAt: number): Growing {
    const name = `${key.day}/${key.epochNo}/${key.kind}`;
    const extent = this.#growing.get(name) ?? {
      ...key,
      firstEventAt: eventAt,
      lastEventAt: eventAt,
      sequences: new RangeSet(),
    };
    this.#growing.set(name, extent);
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
