/** The tables of docs/guides/schedules.md are what the code does. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import type { ScoringSchedule } from '@shoal/protocol';
import { SchedulePlan } from '../../src/scoring/index.ts';

const guide = await readFile(new URL('../../../docs/guides/schedules.md', import.meta.url), 'utf8');

/** Rows of the table whose head names this column, as records by head. */
const rowsWith = (column: string): Record<string, string>[] => {
  const lines = guide.split('\n');
  const start = lines.findIndex((line) => line.startsWith('|') && line.includes(` ${column} `));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  const cells = (line: string): string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', ''));
  const heads = cells(lines[start] ?? '');
  return lines
    .slice(start + 2, end)
    .map(cells)
    .map((row) => Object.fromEntries(heads.map((head, i) => [head, row[i] ?? ''])));
};

const ordinary: ScoringSchedule = {
  cron: '0 2 * * *',
  zone: 'UTC',
  misfire: 'once',
  jitterS: 0,
  overlap: 'skip',
  blackout: [],
};
const stamp = (instant: number): string => new Date(instant).toISOString().replace('.000Z', 'Z');
const times = rowsWith('Zone');
const decisions = rowsWith('Misfire');

describe('the guide to schedules', () => {
  test('has its tables', () => {
    expect([times.length, decisions.length]).toEqual([18, 14]);
  });

  test.each(times)('$What', ({ Zone = '', Cron = '', After = '', Next = '' }) => {
    const expected = Next.split(' ');
    const plan = new SchedulePlan({ ...ordinary, cron: Cron, zone: Zone }, 'nightly');
    const found = plan.upcoming(Date.parse(After), expected.length);
    expect(found.map(({ dueAt }) => stamp(dueAt))).toEqual(expected);
  });

  test.each(decisions)('$What', (row) => {
    const schedule = { ...ordinary, misfire: row['Misfire'], overlap: row['Overlap'] } as ScoringSchedule;
    const step = new SchedulePlan(schedule, 'nightly').step({
      after: Date.parse(row['After'] ?? ''),
      now: Date.parse(row['Now'] ?? ''),
      running: Number(row['Under way']),
      waiting: Number(row['Waiting']),
    });
    const told = step.decided.map(({ action, dueAt, reason }) =>
      [action, stamp(dueAt), reason].filter(Boolean).join(' '),
    );
    expect(told.join(', ') || 'none').toBe(row['Actions']);
    const [last] = step.decided.slice(-1);
    expect(step.decidedUntil).toBe(last?.dueAt ?? Date.parse(row['After'] ?? ''));
  });
});
