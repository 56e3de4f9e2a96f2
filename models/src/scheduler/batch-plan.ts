/** What goes into a batch, how a large request is split, and what to do when a batch fails: pure. */
import type { ModelErrorCode } from '../errors.ts';

/** Work that waits, as far as a plan looks at it. */
export interface Plannable {
  readonly rows: number;
  readonly bytes: number;
  /** Only equals share a batch; null shares with nobody. */
  readonly group: string | null;
  /** Infinity for none. */
  readonly deadlineAt: number;
}

export interface BatchLimits {
  readonly maxRows: number;
  readonly maxBytes: number;
  /** Milliseconds a batch of so many rows is expected to take. */
  readonly costMs: (rows: number) => number;
}

/** Of the line as planned. Empty when nothing is left; `unmeetable` when the one member would be late even alone. */
export interface BatchPlan {
  readonly members: readonly number[];
  readonly rows: number;
  readonly verdict: 'run' | 'unmeetable';
}

/** Milliseconds; sums of the same durations in another order differ in the last bits. */
const ROUNDING_MS = 1e-3;

const keeps = (finishAt: number, deadlineAt: number): boolean => finishAt <= deadlineAt + ROUNDING_MS;

/**
 * The longest run from the head of the line that keeps every member's deadline when it starts at `now`. Work of another group is stepped
 * over and keeps its place; the first that does not fit ends the batch, so that nobody is overtaken for being large.
 * `gone[i]` is 1 for what is not in the line any more.
 */
export const planBatch = (
  line: readonly Plannable[],
  gone: Uint8Array,
  now: number,
  limits: BatchLimits,
): BatchPlan => {
  const first = gone.indexOf(0);
  const head = first < 0 ? undefined : line[first];
  if (head === undefined) return { members: [], rows: 0, verdict: 'run' };
  let { rows, bytes, deadlineAt } = head;
  const members = [first];
  if (!keeps(now + limits.costMs(rows), deadlineAt)) return { members, rows, verdict: 'unmeetable' };
  if (head.group === null) return { members, rows, verdict: 'run' };
  for (let i = first + 1; i < line.length && rows < limits.maxRows; i += 1) {
    const next = line[i];
    if (next === undefined || gone[i] === 1 || next.group !== head.group) continue;
    const tightest = Math.min(deadlineAt, next.deadlineAt);
    const fits = rows + next.rows <= limits.maxRows && bytes + next.bytes <= limits.maxBytes;
    if (!fits || !keeps(now + limits.costMs(rows + next.rows), tightest)) break;
    members.push(i);
    rows += next.rows;
    bytes += next.bytes;
    deadlineAt = tightest;
  }
  return { members, rows, verdict: 'run' };
};

/** Row ranges [from, to) of nearly equal size, none above `maxRows`; the whole when it fits. */
export const splitRequest = (rows: number, maxRows: number): readonly (readonly [from: number, to: number])[] => {
  if (rows <= maxRows) return [[0, rows]];
  const count = Math.ceil(rows / maxRows);
  return Array.from({ length: count }, (_, i) => [
    Math.floor((i * rows) / count),
    Math.floor(((i + 1) * rows) / count),
  ]);
};

/** What the failure of a batch of several means for its members. */
export type BatchFault = 'bisect' | 'one-by-one' | 'engine';

/**
 * A run that merely fails is cheap: halves find the poisoned in log2 runs. A run that costs a process its life is not: halves would
 * lose one at every level, one by one loses one per poisoned. Where the engine itself is out of service, no run helps.
 */
const FAULTS: Partial<Readonly<Record<ModelErrorCode, BatchFault>>> = {
  ENGINE_TIMEOUT: 'one-by-one',
  ENGINE_CRASHED: 'one-by-one',
  ENGINE_OUT_OF_MEMORY: 'one-by-one',
  ENGINE_PROTOCOL_INVALID: 'one-by-one',
  INPUT_BREAKS_MODEL: 'one-by-one',
  MODEL_QUARANTINED: 'engine',
  MODEL_CLOSED: 'engine',
  ENGINE_UNAVAILABLE: 'engine',
  ENGINE_CLOSED: 'engine',
  ENGINE_BUSY: 'engine',
};

export const batchFault = (code: ModelErrorCode): BatchFault => FAULTS[code] ?? 'bisect';

/** Two halves of at least two members, in order. */
export const halves = <T>(members: readonly T[]): readonly [readonly T[], readonly T[]] => {
  const middle = members.length >> 1;
  return [members.slice(0, middle), members.slice(middle)];
};
