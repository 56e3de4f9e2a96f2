import { describe, expect, test } from '@jest/globals';
import { hasRoom, makeRoom, retryAfterMs, type Candidate } from '../../src/scheduler/admission.ts';
import { PRIORITIES, urgencyRank } from '../../src/scheduler/priorities.ts';

const part = (rows: number, priority: number): Candidate => ({
  rows,
  priority,
  bytes: rows * 4,
  group: '',
  deadlineAt: Infinity,
  allowanceMs: Infinity,
});

describe('the room of a line', () => {
  const occupancy = { rows: 8, bytes: 32, maxRows: 10, maxBytes: 40 };

  test('is bounded in rows and bytes, but one request may always wait alone', () => {
    expect(hasRoom(occupancy, { rows: 2, bytes: 8 })).toBe(true);
    expect(hasRoom(occupancy, { rows: 3, bytes: 8 })).toBe(false);
    expect(hasRoom(occupancy, { rows: 1, bytes: 9 })).toBe(false);
    expect(hasRoom({ ...occupancy, rows: 0, bytes: 0 }, { rows: 99, bytes: 999 })).toBe(true);
  });

  test('is made by the last and least important, by no more than needed, and never by an equal', () => {
    const line = [part(2, 1), part(3, 0), part(1, -1), part(2, -1)];
    expect(makeRoom(line, occupancy, { rows: 3, bytes: 4, priority: 0 })).toEqual([line[3]]);
    expect(makeRoom(line, occupancy, { rows: 5, bytes: 4, priority: 0 })).toEqual([line[3], line[2]]);
    expect(makeRoom(line, occupancy, { rows: 6, bytes: 4, priority: 0 })).toBeNull();
    expect(makeRoom(line, occupancy, { rows: 6, bytes: 4, priority: 1 })).toEqual([line[3], line[2], line[1]]);
  });

  test('is worked off in the time the batches need', () => {
    expect(retryAfterMs(256, 2, 64, 5)).toBe(10);
    expect(retryAfterMs(0, 1, 64, 5)).toBe(1);
    expect(retryAfterMs(1e9, 1, 1, 5)).toBe(60_000);
  });
});

describe('the urgency of a request', () => {
  const rank = (priority: number, enqueuedAt: number, deadlineAt = Infinity) =>
    urgencyRank({ priority, enqueuedAt, deadlineAt });

  test('is its deadline among equals, and arrival for those without', () => {
    expect(rank(0, 5, 30)).toBeLessThan(rank(0, 0, 40));
    expect(rank(0, 0)).toBeLessThan(rank(0, 1));
    expect(rank(0, 100, 150)).toBeLessThan(rank(0, 0));
  });

  test('is its priority first, until the lesser has waited ten seconds a step', () => {
    expect(rank(PRIORITIES.LIVE_OWN_WINDOWS, 500)).toBeLessThan(rank(PRIORITIES.REALTIME, 0, 1));
    expect(rank(PRIORITIES.REALTIME, 500)).toBeLessThan(rank(PRIORITIES.FALLBACK, 0, 1));
    expect(rank(PRIORITIES.FALLBACK, 500)).toBeLessThan(rank(PRIORITIES.BATCH, 0, 1));
    expect(rank(PRIORITIES.BATCH, 0)).toBeLessThan(rank(PRIORITIES.REALTIME, 21_000, 21_001));
  });

  test('survives priorities that are no sensible number', () => {
    expect(rank(Number.NaN, 0)).toBe(rank(0, 0));
    expect(Number.isFinite(rank(Infinity, 0))).toBe(true);
  });
});
