/** Schedules against what a clock shows minute by minute, and the rules of a step. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ScoringSchedule } from '@shoal/protocol';
import { CATCH_UP_LIMIT, SchedulePlan } from '../../src/scoring/index.ts';
import { codeOf } from '../conditions.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const nightly: ScoringSchedule = {
  cron: '30 2 * * *',
  zone: 'Europe/Berlin',
  misfire: 'all',
  jitterS: 0,
  overlap: 'queue',
  blackout: [],
};

/** Hour and minute that the wall shows, by another way than the code under test. */
const wallOf = (zone: string): ((instant: number) => readonly [day: string, hour: number, minute: number]) => {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'short',
    hourCycle: 'h23',
  });
  return (instant) => {
    const [day = '', time = ''] = format.format(instant).split(' ');
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    return [day, hour, minute];
  };
};

const zones = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Africa/Cairo',
  'Asia/Kolkata',
  'America/St_Johns',
];

describe('the occurrences of a schedule', () => {
  test('are the first minute of each day at or after the named time, as the wall shows it', () => {
    // Days around every change of a clock from 2026 to 2027, and others.
    const changes = [
      '2026-03-07',
      '2026-03-28',
      '2026-04-04',
      '2026-04-23',
      '2026-10-03',
      '2026-10-24',
      '2026-10-29',
      '2026-10-31',
    ];
    const days = fc.oneof(
      fc.constantFrom(...changes).map((day) => Date.parse(day) / DAY_MS),
      fc.integer({ min: Date.UTC(2026, 0, 1) / DAY_MS, max: Date.UTC(2028, 0, 1) / DAY_MS }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.nat(3), fc.nat(59), days, (zone, hour, minute, day) => {
        const wall = wallOf(zone);
        const [after, until] = [day * DAY_MS, (day + 3) * DAY_MS];
        const plan = new SchedulePlan({ ...nightly, zone, cron: `${minute} ${hour} * * *` }, 'job');
        const found = plan.step({ after, now: until, running: 0, waiting: 0 }).decided.map(({ dueAt }) => dueAt);
        const expected: number[] = [];
        const seen = new Set<string>();
        for (let at = after - DAY_MS; at <= until; at += MINUTE_MS) {
          const [date, h, m] = wall(at);
          if (seen.has(date) || 60 * h + m < 60 * hour + minute) continue;
          seen.add(date);
          if (at > after) expected.push(at);
        }
        // The walk begins in the middle of a day, whose first minute it would take for the named one.
        expect(found).toEqual(expected.filter((at) => at > after));
      }),
      { numRuns: 60 },
    );
  });

  test('do not depend on how often somebody asks', () => {
    const instants = fc.integer({ min: Date.UTC(2026, 2, 27), max: Date.UTC(2026, 2, 31) });
    const crons = fc.constantFrom('30 2 * * *', '*/20 * * * *', '0 2,3 * * *', '15 */2 * * *');
    fc.assert(
      fc.property(crons, fc.array(instants, { minLength: 2, maxLength: 12 }), fc.nat(7200), (cron, asked, jitterS) => {
        const plan = new SchedulePlan({ ...nightly, cron, jitterS }, 'job');
        const moments = asked.toSorted((a, b) => a - b);
        const [first = 0] = moments;
        const once = plan.step({ after: first, now: moments.at(-1) ?? 0, running: 0, waiting: 0 });
        let after = first;
        const often: number[] = [];
        for (const now of moments) {
          const step = plan.step({ after, now, running: 0, waiting: 0 });
          often.push(...step.decided.map(({ dueAt }) => dueAt));
          after = step.decidedUntil;
        }
        expect(often).toEqual(once.decided.map(({ dueAt }) => dueAt));
        expect(after).toBe(once.decidedUntil);
      }),
      { numRuns: 100 },
    );
  });

  test('of a server that slept for a year cost no more than are taken', () => {
    const now = Date.UTC(2027, 0, 1);
    const plan = new SchedulePlan({ ...nightly, cron: '* * * * *' }, 'job');
    const step = plan.step({ after: now - 366 * DAY_MS, now, running: 0, waiting: 0 });
    expect(step).toMatchObject({ isCut: true, decidedUntil: now });
    expect(step.decided).toHaveLength(CATCH_UP_LIMIT);
  });
});

describe('the beginning of a run', () => {
  const beginnings = (schedule: Partial<ScoringSchedule>, job: string, count = 40): number[] =>
    new SchedulePlan({ ...nightly, ...schedule }, job)
      .upcoming(Date.UTC(2026, 0, 1), count)
      .map(({ dueAt, beginsAt }) => beginsAt - dueAt);

  test('is later by the same jitter for the same job and night, another for another', () => {
    const delays = beginnings({ jitterS: 600 }, 'a');
    expect(beginnings({ jitterS: 600 }, 'a')).toEqual(delays);
    expect(beginnings({ jitterS: 600 }, 'b')).not.toEqual(delays);
    expect(delays.every((delay) => delay >= 0 && delay < 600_000 && delay % 1_000 === 0)).toBe(true);
    expect(new Set(delays).size).toBeGreaterThan(30);
  });

  test('waits for the end of a blackout, also over midnight and through a change of the clock', () => {
    expect(beginnings({ blackout: [{ from: '02:00', to: '06:15' }] }, 'a', 1)).toEqual([(6.25 - 2.5) * HOUR_MS]);
    const overMidnight = [
      { from: '22:00', to: '03:00' },
      { from: '03:00', to: '03:10' },
    ];
    expect(beginnings({ blackout: overMidnight }, 'a', 1)).toEqual([40 * MINUTE_MS]);
    const [march] = new SchedulePlan(
      { ...nightly, cron: '30 1 * * *', blackout: [{ from: '01:00', to: '04:00' }] },
      'a',
    ).upcoming(Date.UTC(2026, 2, 28, 12), 1);
    // 01:30 until 04:00 is an hour and a half when the clock jumps from 02:00 to 03:00.
    expect((march?.beginsAt ?? 0) - (march?.dueAt ?? 0)).toBe(1.5 * HOUR_MS);
  });

  test('does not let one overtake another', () => {
    const plan = new SchedulePlan({ ...nightly, cron: '* * * * *', jitterS: 3_600 }, 'job');
    const after = Date.UTC(2026, 5, 1);
    const { decided, decidedUntil } = plan.step({ after, now: after + 2 * HOUR_MS, running: 0, waiting: 0 });
    const dues = decided.map(({ dueAt }) => dueAt);
    expect(dues).toEqual(Array.from(dues, (_, i) => after + (i + 1) * MINUTE_MS));
    expect(decidedUntil).toBe(dues.at(-1) ?? after);
  });
});

describe('a schedule that cannot be', () => {
  test.each<[string, Partial<ScoringSchedule>]>([
    ['too many fields', { cron: '0 0 2 * * *' }],
    ['too few fields', { cron: '0 2 * *' }],
    ['an hour beyond the day', { cron: '0 24 * * *' }],
    ['a date that never comes', { cron: '0 2 30 2 *' }],
    ['no zone', { zone: 'Mars/Olympus' }],
    ['an offset for a zone', { zone: '+02:00' }],
    ['a blackout of nothing', { blackout: [{ from: '02:00', to: '02:00' }] }],
    [
      'blackouts of the whole day',
      {
        blackout: [
          { from: '00:00', to: '12:00' },
          { from: '12:00', to: '00:00' },
        ],
      },
    ],
  ])('is refused: %s', async (_, change) => {
    const made = async (): Promise<SchedulePlan> => Promise.resolve(new SchedulePlan({ ...nightly, ...change }, 'job'));
    expect(await codeOf(made())).toBe('SCHEDULE_INVALID');
  });
});
