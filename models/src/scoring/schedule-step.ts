/** What a scheduler does at an instant: which occurrences become runs, and what becomes of the others. */
import type { ScoringSchedule } from '@shoal/protocol';
import { hash53 } from '../sketch/hash53.ts';
import { BlackoutHours } from './blackout.ts';
import { ScheduleCalendar } from './schedule.ts';

/** Not begun so long after its moment, an occurrence was missed. */
export const MISSED_AFTER_MS = 5 * 60_000;
/** Of more that were missed the oldest are skipped whatever the policy. */
export const CATCH_UP_LIMIT = 366;

const HASH_RANGE = 2 ** 53;

export interface Occurrence {
  /** When it is due: the as-of instant of its run. */
  readonly dueAt: number;
  /** When it may begin: after jitter and blackout. */
  readonly beginsAt: number;
}

/** `replace`: what is under way or waits is to be cancelled first. `queue`: behind what is under way. */
export type OccurrenceAction = 'start' | 'queue' | 'replace' | 'skip';

export interface DecidedOccurrence extends Occurrence {
  readonly action: OccurrenceAction;
  /** Of a skip. */
  readonly reason?: 'missed' | 'overlap';
}

export interface ScheduleStep {
  /** Ascending; each is decided for good. */
  readonly decided: readonly DecidedOccurrence[];
  /** Where the next step goes on: `after` of the next call. */
  readonly decidedUntil: number;
  /** Whether more were missed than `CATCH_UP_LIMIT`, and the oldest are not even listed. */
  readonly isCut: boolean;
}

export interface ScheduleState {
  /** `decidedUntil` of the step before; of a new job when it was made. */
  readonly after: number;
  readonly now: number;
  /** Runs of the job that are under way. */
  readonly running: number;
  /** Runs of the job that have not begun. */
  readonly waiting: number;
}

/** Runs of the job there are; `placed` by the step so far. */
interface Line extends Pick<ScheduleState, 'running' | 'waiting'> {
  placed: number;
}

/** A schedule that can be asked; making one checks it whole. Without state. */
export class SchedulePlan {
  readonly #schedule: ScoringSchedule;
  readonly #job: string;
  readonly #calendar: ScheduleCalendar;
  readonly #blackout: BlackoutHours;

  /** @throws ModelError SCHEDULE_INVALID */
  constructor(schedule: ScoringSchedule, job: string) {
    this.#schedule = schedule;
    this.#job = job;
    this.#calendar = new ScheduleCalendar(schedule);
    this.#blackout = new BlackoutHours(schedule.blackout);
  }

  /** The first occurrences after an instant; fewer when the schedule ends. */
  upcoming(after: number, count: number): Occurrence[] {
    const found: Occurrence[] = [];
    for (let dueAt = this.#calendar.next(after); dueAt !== undefined; dueAt = this.#calendar.next(dueAt)) {
      if (found.length === count) break;
      found.push(this.#occurrence(dueAt));
    }
    return found;
  }

  /** Decides all whose beginning has come. The same state gives the same step. */
  step({ after, now, running, waiting }: ScheduleState): ScheduleStep {
    const { occurrences, isCut } = this.#calendar.latest(after, now, CATCH_UP_LIMIT);
    const ready: Occurrence[] = [];
    for (const dueAt of occurrences) {
      const occurrence = this.#occurrence(dueAt);
      // In order: one that is still to begin holds back those behind it.
      if (occurrence.beginsAt > now) break;
      ready.push(occurrence);
    }
    const wanted = this.#wanted(ready, now);
    const line: Line = { running, waiting, placed: 0 };
    const decided = ready.map((occurrence): DecidedOccurrence => {
      if (!wanted.has(occurrence)) return { ...occurrence, action: 'skip', reason: 'missed' };
      return this.#placed(occurrence, now - occurrence.beginsAt > MISSED_AFTER_MS, line);
    });
    return { decided, decidedUntil: ready.at(-1)?.dueAt ?? after, isCut };
  }

  #occurrence(dueAt: number): Occurrence {
    const share = hash53(`${this.#job}\n${dueAt}`) / HASH_RANGE;
    const shifted = dueAt + Math.floor(share * this.#schedule.jitterS) * 1_000;
    return { dueAt, beginsAt: this.#blackout.release(shifted, this.#calendar.clock) };
  }

  /** What the misfire policy lets run. */
  #wanted(ready: readonly Occurrence[], now: number): ReadonlySet<Occurrence> {
    switch (this.#schedule.misfire) {
      case 'skip':
        return new Set(ready.filter(({ beginsAt }) => now - beginsAt <= MISSED_AFTER_MS));
      case 'once':
        return new Set(ready.slice(-1));
      case 'all':
        return new Set(ready);
    }
  }

  /** Those of one step follow one another: the overlap policy is about what was there before. */
  #placed(occurrence: Occurrence, isCaughtUp: boolean, line: Line): DecidedOccurrence {
    const { overlap } = this.#schedule;
    if (line.placed === 0 && line.running + line.waiting > 0) {
      // One may wait; a job that takes longer than its interval would otherwise fall behind for ever.
      const isFull = overlap === 'queue' && line.waiting > 0;
      if (!isCaughtUp && (overlap === 'skip' || isFull)) return { ...occurrence, action: 'skip', reason: 'overlap' };
      line.placed += 1;
      return { ...occurrence, action: overlap === 'replace' ? 'replace' : 'queue' };
    }
    line.placed += 1;
    return { ...occurrence, action: line.placed === 1 ? 'start' : 'queue' };
  }
}
