/** When a schedule is due: the occurrences of a cron expression in a time zone, with the rule for days of 23 and of 25 hours. */
import type { ScoringSchedule } from '@shoal/protocol';
import { Cron } from 'croner';
import { ModelError } from '../errors.ts';
import { ZoneClock } from './zone-clock.ts';

/** The next leap day may be eight years away (2096 to 2104). */
const HORIZON_MS = 9 * 366 * 86_400_000;
const SECOND_MS = 1_000;
/** So many times a minute fit in it that no search is long. */
const FIRST_REACH_MS = 6 * 3_600_000;

/**
 * The instants at which a schedule is due. The clock that counts is the one on the wall of the zone:
 * - a time that does not exist, because the clock was put forward over it, is due at the first instant after the gap;
 * - a time that exists twice, because the clock was put back, is due once, the first time;
 * - a schedule that names no hour (the hour field begins with `*` or `?`) is due in every hour that passes: what the clock jumps
 *   over is not due, what comes twice is due twice.
 * Several times that fall on one instant are one occurrence.
 */
export class ScheduleCalendar {
  /** Calendar arithmetic only: walls are read as if they were UTC, so that the rule above is this file's and no library's. */
  readonly #cron: Cron;
  readonly #clock: ZoneClock;
  readonly #namesHours: boolean;

  /** @throws ModelError SCHEDULE_INVALID: the expression, a date that never comes, or the zone */
  constructor({ cron, zone }: Pick<ScoringSchedule, 'cron' | 'zone'>) {
    try {
      this.#clock = new ZoneClock(zone);
      this.#cron = new Cron(cron, { timezone: 'UTC', mode: '5-part' });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ModelError('SCHEDULE_INVALID', `The schedule "${cron}" in ${zone} cannot be read: ${reason}.`, {
        cause,
      });
    }
    this.#namesHours = !/^\S+\s+[*?]/.test(cron.trim());
    if (this.#cron.nextRun(new Date(0)) === null)
      throw new ModelError('SCHEDULE_INVALID', `The schedule "${cron}" names a date that never comes.`);
  }

  get clock(): ZoneClock {
    return this.#clock;
  }

  /** @yields instants strictly after `after` and up to and including `until`, ascending and each once */
  *between(after: number, until: number): Generator<number> {
    let last = after;
    for (const instant of this.#instants(after, until)) {
      if (instant > until) return;
      if (instant <= last) continue;
      last = instant;
      yield instant;
    }
  }

  /** The last `most` occurrences of (after, until], ascending; `isCut` when there were more. Costs what is given, however long the span. */
  latest(
    after: number,
    until: number,
    most: number,
  ): { readonly occurrences: readonly number[]; readonly isCut: boolean } {
    for (let reach = FIRST_REACH_MS; ; reach *= 2) {
      const from = Math.max(after, until - reach);
      const occurrences = [...this.between(from, until)];
      if (occurrences.length > most) return { occurrences: occurrences.slice(-most), isCut: true };
      if (from === after) return { occurrences, isCut: false };
    }
  }

  /** The first occurrence after an instant; undefined when there is none in nine years. */
  next(after: number): number | undefined {
    for (const instant of this.between(after, after + HORIZON_MS)) return instant;
    return undefined;
  }

  /** @yields instants not before `after`, ascending; may repeat */
  *#instants(after: number, until: number): Generator<number> {
    // A day before, so that the change behind an instant that was repeated is seen.
    let shownUntil = -Infinity;
    for (const span of this.#clock.spans(after - 86_400_000, until)) {
      const firstWall = span.from + span.offsetMs;
      if (this.#namesHours && firstWall > shownUntil && shownUntil > -Infinity && this.#hasWall(shownUntil, firstWall))
        yield span.from;
      const from = this.#namesHours ? Math.max(firstWall, shownUntil) : firstWall;
      const end = Math.min(span.until, until + 1) + span.offsetMs;
      for (const wall of this.#walls(Math.max(from, after + span.offsetMs), end)) yield wall - span.offsetMs;
      shownUntil = Math.max(shownUntil, span.until + span.offsetMs);
    }
  }

  #hasWall(from: number, before: number): boolean {
    return this.#walls(from, before).next().done !== true;
  }

  /** @yields wall times of the expression in [from, before) */
  *#walls(from: number, before: number): Generator<number> {
    let at = Math.ceil(from / SECOND_MS) * SECOND_MS - SECOND_MS;
    for (;;) {
      const next = this.#cron.nextRun(new Date(at))?.getTime();
      if (next === undefined || next >= before) return;
      yield next;
      at = next;
    }
  }
}
