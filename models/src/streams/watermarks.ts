/** How far the event time of each device has come, by what it sends live. A silent device is not waited for. */
import type { RecordColumns } from './record-columns.ts';

export interface Heard {
  /** The latest event time. */
  readonly at: number;
  /** When the server heard it last, by the server's clock. */
  readonly heardAt: number;
}

/** What waited on the device comes beside what is live, and says nothing about how far the device is. */
export const heardOf = (columns: RecordColumns, before: Heard | undefined): Heard | undefined => {
  if (columns.lane === 'backlog') return undefined;
  let at = before?.at ?? 0;
  for (let row = 0; row < columns.length; row += 1) at = Math.max(at, columns.eventAt[row] ?? 0);
  return { at, heardAt: Math.max(columns.receivedAt, before?.heardAt ?? 0) };
};

/** A device that is idle has come as far as the clock of the server. */
export const watermarkOf = (heard: Heard | undefined, idleTimeoutMs: number, now: number): number =>
  heard === undefined || now - heard.heardAt > idleTimeoutMs ? now : heard.at;

/** Of devices together: the slowest that is not idle; without any, the clock of the server. */
export const leastWatermark = (heard: Iterable<Heard>, idleTimeoutMs: number, now: number): number => {
  let least: number | undefined;
  for (const each of heard) {
    if (now - each.heardAt <= idleTimeoutMs) least = Math.min(least ?? each.at, each.at);
  }
  return least ?? now;
};
