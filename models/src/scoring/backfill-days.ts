/** The instants that runs over past days are for: one a day, when the schedule of the job was due. */
import type { ScoringSchedule } from '@shoal/protocol';
import { ScheduleCalendar } from './schedule.ts';

const DAY_MS = 86_400_000;
/** No clock was ever put forward or back by more at once, but where a whole day was left out. */
const SLACK_MS = 4 * 3_600_000;

const dayOf = (wall: number): string => new Date(wall).toISOString().slice(0, 10);

/** Both ends among them, ascending, each as `YYYY-MM-DD`. */
export const daysBetween = (from: string, to: string): string[] => {
  const days: string[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY_MS) days.push(dayOf(at));
  return days;
};

export class BackfillDays {
  readonly #calendar: ScheduleCalendar | undefined;

  /** Without a schedule a day is over at midnight of UTC. @throws ModelError SCHEDULE_INVALID */
  constructor(schedule: Pick<ScoringSchedule, 'cron' | 'zone'> | undefined) {
    this.#calendar = schedule === undefined ? undefined : new ScheduleCalendar(schedule);
  }

  /** The first time it was due on that day of its zone; undefined: never. */
  instantOf(day: string): number | undefined {
    const wall = Date.parse(day);
    if (this.#calendar === undefined) return wall + DAY_MS;
    const { clock } = this.#calendar;
    const begin = wall - clock.offsetAt(wall);
    for (const instant of this.#calendar.between(begin - SLACK_MS, begin + DAY_MS + SLACK_MS)) {
      const shown = dayOf(clock.wallAt(instant));
      if (shown > day) return undefined;
      if (shown === day) return instant;
    }
    return undefined;
  }
}
