/** Remembers when live records were committed, to know how long the oldest unsent one of a class has waited. */
import { PRIORITY_CLASSES, type PriorityClass } from '@shoal/protocol/wire';
import type { HighestByClass, LanePlan } from './lane-plan.ts';

interface Mark {
  /** Milliseconds of a clock that never steps. */
  readonly at: number;
  highest: number;
}

/** Commits closer together than this share a mark, so that their number stays small. */
const GRAIN_MS = 100;

export class LiveMarks {
  readonly #marks = new Map<PriorityClass, Mark[]>();

  /** After a commit at `at`, with the highest sequence of each class that is now on disk. */
  note(highest: HighestByClass, at: number): void {
    for (const priority of PRIORITY_CLASSES) {
      const marks = this.#marks.get(priority) ?? [];
      const newest = marks.at(-1);
      if (highest[priority] <= (newest?.highest ?? 0)) continue;
      if (newest !== undefined && at - newest.at < GRAIN_MS) newest.highest = highest[priority];
      else marks.push({ at, highest: highest[priority] });
      this.#marks.set(priority, marks);
    }
  }

  /** When the oldest live record that the plan has not sent was committed, by class; absent when there is none. */
  waitingSince(plan: LanePlan): ReadonlyMap<PriorityClass, number> {
    const since = new Map<PriorityClass, number>();
    for (const [priority, marks] of this.#marks) {
      while (marks[0] !== undefined && marks[0].highest < plan[priority].liveFrom) marks.shift();
      if (marks[0] !== undefined) since.set(priority, marks[0].at);
    }
    return since;
  }
}
