import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseRecordedTime, replayShiftMs } from '../../src/sensors/recorded-time.ts';

const NOON = Date.UTC(2020, 2, 9, 12, 0, 0);

describe('recorded time', () => {
  it.each([
    ['2020-03-09 12:00:00', NOON],
    ['2020-03-09T12:00:00', NOON],
    ['2020-03-09T12:00:00Z', NOON],
    ['2020-03-09 13:00:00+01:00', NOON],
    ['2020-03-09T12:00:00.250', NOON + 250],
    ['2020-03-09T12:00:00,250', NOON + 250],
    ['2020-03-09 12:00', NOON],
    ['2020-03-09', NOON - 12 * 3_600_000],
    [String(NOON / 1_000), NOON],
    [`${NOON / 1_000}.5`, NOON + 500],
    [String(NOON), NOON],
    ['  1583755200  ', NOON],
  ])('reads %s', (text, instant) => expect(parseRecordedTime(text)).toBe(instant));

  it.each([
    '',
    'yesterday',
    '2020-13-09',
    '2020-03-09 25:00:00',
    '09/03/2020',
    '-5',
    '1e400',
    'NaN',
    '99999999999999999',
  ])('does not read "%s"', (text) => expect(parseRecordedTime(text)).toBeNull());

  it('reads back every instant it could have been written from', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800_000 }), (instant) => {
        expect(parseRecordedTime(new Date(instant).toISOString())).toBe(instant);
      }),
    );
  });

  it('shifts by whole minutes, so that the newest row falls within the minute before the start', () => {
    const instants = fc.integer({ min: 0, max: 4_000_000_000_000 });
    fc.assert(
      fc.property(instants, instants, (newestAt, startedAt) => {
        const shift = replayShiftMs('shifted', newestAt, startedAt);
        expect(Math.abs(shift % 60_000)).toBe(0);
        expect(newestAt + shift).toBeLessThanOrEqual(startedAt);
        expect(newestAt + shift).toBeGreaterThan(startedAt - 60_000);
      }),
    );
  });

  it('leaves recorded times alone when asked to', () => {
    expect(replayShiftMs('recorded', 5, 1e12)).toBe(0);
  });
});
