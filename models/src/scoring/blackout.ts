/** Hours of the day in which no run may begin: what is due in them begins when they are over. */
import type { ScoringSchedule } from '@shoal/protocol';
import { ModelError } from '../errors.ts';
import type { ZoneClock } from './zone-clock.ts';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;

const minuteOf = (text: string): number => {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return 60 * hours + minutes;
};

export class BlackoutHours {
  /** By minute of the day. */
  readonly #blocked: readonly boolean[];

  /**
   * `from` inclusive, `to` exclusive, on the wall of the zone; a span may go over midnight.
   * @throws ModelError SCHEDULE_INVALID for a span of nothing, and when no minute is left
   */
  constructor(spans: ScoringSchedule['blackout']) {
    for (const { from, to } of spans)
      if (from === to)
        throw new ModelError('SCHEDULE_INVALID', `The blackout from ${from} to ${to} is empty; leave it out.`);
    const minutes = spans.map(({ from, to }) => [minuteOf(from), minuteOf(to)] as const);
    this.#blocked = Array.from({ length: DAY_MINUTES }, (_, minute) =>
      minutes.some(([from, to]) => (from < to ? minute >= from && minute < to : minute >= from || minute < to)),
    );
    if (this.#blocked.every(Boolean))
      throw new ModelError('SCHEDULE_INVALID', 'The blackouts cover the whole day: nothing could ever begin.');
  }

  /** The first instant from `instant` on at which a run may begin. */
  release(instant: number, clock: ZoneClock): number {
    let at = instant;
    for (;;) {
      const wall = clock.wallAt(at);
      const minute = Math.floor(wall / MINUTE_MS);
      const waits = this.#minutesToWait(((minute % DAY_MINUTES) + DAY_MINUTES) % DAY_MINUTES);
      if (waits === 0) return at;
      const over = (minute + waits) * MINUTE_MS - wall + at;
      // A clock put forward or back meanwhile ends it at another moment: look again there.
      const [span] = clock.spans(at, over);
      at = Math.min(over, span?.until ?? over);
    }
  }

  #minutesToWait(minute: number): number {
    let waits = 0;
    while (this.#blocked[(minute + waits) % DAY_MINUTES] === true) waits += 1;
    return waits;
  }
}
