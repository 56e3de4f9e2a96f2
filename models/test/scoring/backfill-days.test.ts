/** The instants of past days: what the wall of the zone shows, on days of 23 and 25 hours too, and on a day that never was. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BackfillDays, daysBetween } from '../../src/scoring/index.ts';

const DAY_MS = 86_400_000;

test('A day is the first time of that date at which the schedule is due', () => {
  const zones = fc.constantFrom('Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Pacific/Kiritimati');
  const day = fc.integer({ min: Date.UTC(2024, 0, 1) / DAY_MS, max: Date.UTC(2027, 0, 1) / DAY_MS });
  fc.assert(
    fc.property(zones, fc.integer({ min: 4, max: 23 }), fc.nat(59), day, (zone, hour, minute, at) => {
      const date = new Date(at * DAY_MS).toISOString().slice(0, 10);
      const instant = new BackfillDays({ cron: `${minute} ${hour},23 * * *`, zone }).instantOf(date);
      const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' });
      const [hh, mm] = [hour, minute].map((part) => String(part).padStart(2, '0'));
      expect(instant === undefined ? '' : format.format(instant)).toBe(`${date} ${hh}:${mm}`);
    }),
    { numRuns: 60 },
  );
});

test('A time the clock was put forward over is due after the gap, a date that was left out and a day that is not named never', () => {
  const berlin = new BackfillDays({ cron: '30 2 * * *', zone: 'Europe/Berlin' });
  expect(berlin.instantOf('2026-03-29')).toBe(Date.parse('2026-03-29T01:00:00Z'));
  expect(new BackfillDays({ cron: '30 2 * * *', zone: 'Pacific/Apia' }).instantOf('2011-12-30')).toBeUndefined();
  expect(new BackfillDays({ cron: '30 2 * * 1', zone: 'UTC' }).instantOf('2026-03-29')).toBeUndefined();
});

test('Without a schedule a day is over at midnight, and days are counted with both ends', () => {
  expect(new BackfillDays(undefined).instantOf('2024-02-29')).toBe(Date.parse('2024-03-01'));
  expect(daysBetween('2024-02-28', '2024-03-01')).toEqual(['2024-02-28', '2024-02-29', '2024-03-01']);
});
