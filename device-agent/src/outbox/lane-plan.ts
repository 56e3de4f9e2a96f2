/** Decides what the drainer sends next: live records as they come, beside them what waited, oldest first. */
import { PRIORITY_CLASSES, type Lane, type PriorityClass } from '@shoal/protocol/wire';

/** Sequences `first` to `last`, both included. */
export interface SequenceRange {
  readonly first: number;
  readonly last: number;
}

/**
 * What one class still has to send over this connection. Everything at or below the boundary of the connection is
 * backlog, everything above it live; live records that fell too far behind become backlog. Both are only walked upwards
 * and every backlog range lies above those before it, so that order holds in each lane.
 */
export interface ClassPlan {
  /** Ascending. */
  readonly backlog: readonly SequenceRange[];
  /** The next live record has this sequence or a higher one. */
  readonly liveFrom: number;
}
export type LanePlan = Readonly<Record<PriorityClass, ClassPlan>>;

export type HighestByClass = Readonly<Record<PriorityClass, number>>;

/** After a connect: all that is committed waits; what comes from now on is live. */
export const planAtConnect = (lastCommittedSequence: number): LanePlan => {
  const backlog = lastCommittedSequence > 0 ? [{ first: 1, last: lastCommittedSequence }] : [];
  const plan: ClassPlan = { backlog, liveFrom: lastCommittedSequence + 1 };
  return { alarm: plan, prediction: plan, reading: plan, debug: plan };
};

/** Live records of these classes have waited so long that they are not live any more: they join the backlog. */
export const demoteStale = (plan: LanePlan, highest: HighestByClass, stale: Iterable<PriorityClass>): LanePlan => {
  const demoted = { ...plan };
  for (const priority of stale) {
    const { backlog, liveFrom } = plan[priority];
    const last = highest[priority];
    if (last < liveFrom) continue;
    demoted[priority] = { backlog: [...backlog, { first: liveFrom, last }], liveFrom: last + 1 };
  }
  return demoted;
};

export interface LaneChoice extends SequenceRange {
  readonly priority: PriorityClass;
  readonly lane: Lane;
}

export interface LaneQuestion {
  readonly plan: LanePlan;
  readonly highest: HighestByClass;
  /** Classes whose live records wait for company. */
  readonly resting: ReadonlySet<PriorityClass>;
  /** The pace of the backlog allows one more batch. */
  readonly backlogMay: boolean;
  /** Live batches sent since the last backlog batch. */
  readonly liveInARow: number;
}

/** The backlog gets at least one batch after this many live ones: it must not starve. */
const LIVE_IN_A_ROW = 3;

const liveChoice = ({ plan, highest, resting }: LaneQuestion): LaneChoice | undefined => {
  const priority = PRIORITY_CLASSES.find((name) => !resting.has(name) && highest[name] >= plan[name].liveFrom);
  return priority && { priority, lane: 'live', first: plan[priority].liveFrom, last: highest[priority] };
};

const backlogChoice = ({ plan }: LaneQuestion): LaneChoice | undefined => {
  const priority = PRIORITY_CLASSES.find((name) => plan[name].backlog.length > 0);
  const range = priority && plan[priority].backlog[0];
  return range && { priority, lane: 'backlog', ...range };
};

/** Where to read the next batch from, or undefined when there is nothing to send now. */
export const chooseLane = (question: LaneQuestion): LaneChoice | undefined => {
  const live = liveChoice(question);
  const backlog = question.backlogMay ? backlogChoice(question) : undefined;
  if (live !== undefined && backlog !== undefined) return question.liveInARow < LIVE_IN_A_ROW ? live : backlog;
  return live ?? backlog;
};

/** The plan after the choice was read up to and including `through`; null: there was nothing in it. */
export const advance = (plan: LanePlan, choice: LaneChoice, through: number | null): LanePlan => {
  const { backlog, liveFrom } = plan[choice.priority];
  const next = (through ?? choice.last) + 1;
  if (choice.lane === 'live') return { ...plan, [choice.priority]: { backlog, liveFrom: next } };
  const rest = backlog.slice(1);
  const remaining = next <= choice.last ? [{ first: next, last: choice.last }, ...rest] : rest;
  return { ...plan, [choice.priority]: { backlog: remaining, liveFrom } };
};
