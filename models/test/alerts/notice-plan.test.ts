/** Who is told when: once, again at an interval, on resolution; not while silenced, not again when acknowledged. */
import { describe, expect, it } from '@jest/globals';
import { noticeDue, silences, type Notified } from '../../src/alerts/index.ts';

const HOURLY = { channels: [], repeatMs: 3_600_000, onResolve: true };
const ONCE = { channels: [], onResolve: true };
const firing: Notified = { state: 'firing', notifiedAt: null, isAcknowledged: false };
const at = (now: number, isSilenced = false): { now: number; isSilenced: boolean } => ({ now, isSilenced });

describe('a notice', () => {
  it('goes out when it fires, and again at the interval', () => {
    expect(noticeDue(firing, HOURLY, at(0))).toBe('fired');
    const told = { ...firing, notifiedAt: 0 };
    expect(noticeDue(told, HOURLY, at(3_599_999))).toBeNull();
    expect(noticeDue(told, HOURLY, at(3_600_000))).toBe('again');
    expect(noticeDue(told, ONCE, at(1e12))).toBeNull();
  });

  it('does not go out for what is pending, or acknowledged', () => {
    expect(noticeDue({ ...firing, state: 'pending' }, HOURLY, at(0))).toBeNull();
    expect(noticeDue({ ...firing, notifiedAt: 0, isAcknowledged: true }, HOURLY, at(1e12))).toBeNull();
  });

  it('tells of the resolution of what was told, unless the rule does not want it', () => {
    const resolved: Notified = { state: 'resolved', notifiedAt: 5, isAcknowledged: true };
    expect(noticeDue(resolved, ONCE, at(9))).toBe('resolved');
    expect(noticeDue({ ...resolved, notifiedAt: null }, ONCE, at(9))).toBeNull();
    expect(noticeDue(resolved, { ...ONCE, onResolve: false }, at(9))).toBeNull();
  });

  it('waits for the end of a silence', () => {
    expect(noticeDue(firing, ONCE, at(0, true))).toBeNull();
    expect(noticeDue(firing, ONCE, at(1, false))).toBe('fired');
    expect(noticeDue({ ...firing, state: 'resolved', notifiedAt: 0 }, ONCE, at(2, true))).toBeNull();
  });
});

describe('a silence', () => {
  const alert = { rule: 'hot', key: 'pump-1', labels: { site: 'north' } };
  const anything = { rule: null, key: null, labels: [], until: 10 };

  it('is of a rule, a key, labels, or of all of them, until its instant', () => {
    expect(silences({ ...anything, rule: 'hot' }, alert, 0)).toBe(true);
    expect(silences({ ...anything, rule: 'cold' }, alert, 0)).toBe(false);
    expect(silences({ ...anything, key: 'pump-2' }, alert, 0)).toBe(false);
    expect(silences({ ...anything, labels: [{ label: 'site', value: 'north' }] }, alert, 0)).toBe(true);
    expect(silences({ ...anything, labels: [{ label: 'site', value: 'south' }] }, alert, 0)).toBe(false);
    expect(silences({ ...anything, rule: 'hot', key: 'pump-2' }, alert, 0)).toBe(false);
    expect(silences({ ...anything, rule: 'hot' }, alert, 10)).toBe(false);
  });
});
