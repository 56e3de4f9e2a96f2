/** Who is let into the line: pure. A promise once given is kept, so what cannot be kept is refused before anything runs. */
import { planBatch, type BatchLimits, type Plannable } from './batch-plan.ts';

/** Work that waits, or wants to. */
export interface Candidate extends Plannable {
  readonly priority: number;
  /** Milliseconds from its arrival to its deadline; Infinity for none. */
  readonly allowanceMs: number;
}

export interface Forecast extends BatchLimits {
  /** When each instance can take the next batch, ms. */
  readonly freeAt: readonly number[];
  readonly now: number;
}

/**
 * Milliseconds before its deadline at which a request should be done, so that its batch can still grow to a worthwhile size. Without
 * it, a line under pressure fills with requests that can just be kept alone: every batch has one row, and the throughput is gone.
 */
const reserveMs = ({ allowanceMs, rows }: Candidate, { maxRows, costMs }: Forecast): number => {
  const alone = costMs(rows);
  return Math.max(0, Math.min(costMs(Math.max(maxRows, rows)) - alone, (allowanceMs - alone) / 2));
};

interface Simulation {
  readonly line: readonly Candidate[];
  readonly isOut: (candidate: Candidate) => boolean;
  /** The latest a candidate may be done if its batch had no other member. */
  readonly latestAt: (candidate: Candidate) => number;
}

/** Whom everything running as expected would make late. */
const missed = ({ line, isOut, latestAt }: Simulation, forecast: Forecast): Set<Candidate> => {
  const gone = Uint8Array.from(line, (candidate) => (isOut(candidate) ? 1 : 0));
  const free = forecast.freeAt.map((at) => Math.max(at, forecast.now));
  const late = new Set<Candidate>();
  for (;;) {
    const instance = free.indexOf(Math.min(...free));
    const startAt = free[instance] ?? forecast.now;
    const { members, rows, verdict } = planBatch(line, gone, startAt, forecast);
    if (members.length === 0) return late;
    for (const i of members) {
      gone[i] = 1;
      const candidate = line[i];
      if (candidate === undefined) continue;
      const isLate = verdict === 'unmeetable' || startAt + forecast.costMs(candidate.rows) > latestAt(candidate);
      if (isLate) late.add(candidate);
    }
    if (verdict === 'run') free[instance] = startAt + forecast.costMs(rows);
  }
};

/**
 * Whether even a bound far above what the line can take leaves every deadline alone: spares the simulation while there is no pressure.
 * Two batches in a row of one group exceed a limit together, so there are at most twice as many as full ones, and one more per change
 * of group; all of them on the instance that is free last. Takes `costMs` to be a straight line.
 */
const isRelaxed = (line: readonly Candidate[], marginMs: number, forecast: Forecast): boolean => {
  const { maxRows, maxBytes, costMs, freeAt, now } = forecast;
  let [rows, bytes, others, earliest] = [0, 0, 0, Infinity];
  for (const candidate of line) {
    rows += candidate.rows;
    bytes += candidate.bytes;
    if (candidate.group === null || candidate.group !== line[0]?.group) others += 1;
    const latest = candidate.deadlineAt - reserveMs(candidate, forecast);
    if (latest < earliest) earliest = latest;
  }
  const batches = 1 + others + (2 * rows) / maxRows + (2 * bytes) / maxBytes;
  const once = costMs(0);
  return Math.max(now, ...freeAt) + batches * once + (costMs(rows) - once) + marginMs <= earliest;
};

export type DeadlineDecision<T> =
  /** `displaced` loses its place to more important work and has to be told so now. */
  { readonly admit: true; readonly displaced: readonly T[] } | { readonly admit: false };

/** How much is kept back for a newcomer; nothing when it finds an idle model. */
export interface Caution {
  readonly marginMs: number;
  readonly isIdle: boolean;
}

/**
 * `line` is in order and already holds `newcomer`, the parts of one request. Refused when it would be late, or would make somebody late
 * who is at least as important; who is less important makes way.
 */
export const decideDeadline = <T extends Candidate>(
  line: readonly T[],
  newcomer: readonly T[],
  { marginMs, isIdle }: Caution,
  forecast: Forecast,
): DeadlineDecision<T> => {
  const [first] = newcomer;
  if (first === undefined || isRelaxed(line, marginMs, forecast)) return { admit: true, displaced: [] };
  const own = new Set<Candidate>(newcomer);
  const never = (): number => Infinity;
  const cautious = (candidate: Candidate): number =>
    own.has(candidate) && !isIdle ? candidate.deadlineAt - marginMs - reserveMs(candidate, forecast) : Infinity;
  const pressed = missed({ line, isOut: () => false, latestAt: cautious }, forecast);
  if (newcomer.some((part) => pressed.has(part))) return { admit: false };
  if (pressed.size === 0) return { admit: true, displaced: [] };
  const anyway = missed({ line, isOut: (candidate) => own.has(candidate), latestAt: never }, forecast);
  const displaced = line.filter((candidate) => pressed.has(candidate) && !anyway.has(candidate));
  return displaced.every(({ priority }) => priority < first.priority) ? { admit: true, displaced } : { admit: false };
};

/** What the line holds and may hold. */
export interface Occupancy {
  readonly rows: number;
  readonly bytes: number;
  readonly maxRows: number;
  readonly maxBytes: number;
}

interface Sized {
  readonly rows: number;
  readonly bytes: number;
}

/** A request larger than the whole line may wait when it waits alone. */
export const hasRoom = ({ rows, bytes, maxRows, maxBytes }: Occupancy, wanted: Sized): boolean =>
  rows === 0 || (rows + wanted.rows <= maxRows && bytes + wanted.bytes <= maxBytes);

/**
 * Who has to leave a full line for a more important newcomer: the last and least important first, no more than needed. Null when
 * even all of the less important would not make room.
 */
export const makeRoom = <T extends Candidate>(
  line: readonly T[],
  occupancy: Occupancy,
  wanted: Sized & { readonly priority: number },
): readonly T[] | null => {
  const leaving: T[] = [];
  let { rows, bytes } = occupancy;
  for (const candidate of line.toReversed()) {
    if (hasRoom({ ...occupancy, rows, bytes }, wanted)) return leaving;
    if (candidate.priority >= wanted.priority) continue;
    leaving.push(candidate);
    rows -= candidate.rows;
    bytes -= candidate.bytes;
  }
  return hasRoom({ ...occupancy, rows, bytes }, wanted) ? leaving : null;
};

const MIN_RETRY_MS = 1;
const MAX_RETRY_MS = 60_000;

/** Milliseconds until `rows` rows are worked off by `instances` that take batches of `batchRows` in `batchMs`. */
export const retryAfterMs = (rows: number, instances: number, batchRows: number, batchMs: number): number => {
  const batches = Math.ceil(rows / Math.max(1, batchRows) / Math.max(1, instances));
  return Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, Math.ceil(batches * batchMs)));
};
