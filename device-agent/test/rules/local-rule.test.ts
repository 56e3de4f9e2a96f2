import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { IDLE, REORDER_MS, stepRule, type RuleObservation, type RuleState } from '../../src/rules/local-rule.ts';

const condition = (over: object = {}) => ({ holdMs: 0, clearHoldMs: 0, cooldownMs: 0, ...over });
type Condition = Parameters<typeof stepRule>[0];

const run = (rule: Condition, rows: readonly RuleObservation[], from: RuleState = IDLE) => {
  let state = from;
  const told = rows.flatMap((row) => {
    const step = stepRule(rule, state, row);
    state = step.state;
    return step.transition === null ? [] : [`${step.transition} ${row.at}`];
  });
  return { told, state };
};
const rows = (...values: readonly (number | string | null)[]): RuleObservation[] =>
  values.map((value, index) => ({ at: index * 10, value }));

/**
 * What a rule should do, told from the whole history at once: at each observation, look back for how long the condition
 * (or its end) has held without a break, and compare with what is asked.
 */
const oracle = (rule: Condition, history: readonly RuleObservation[]): string[] => {
  const { above = Infinity, clearAt = above, holdMs, clearHoldMs, cooldownMs } = rule;
  const seen = history.filter(({ value }) => value !== null).map(({ at, value }) => ({ at, value: Number(value) }));
  const heldFor = (index: number, from: number, holds: (value: number) => boolean): number => {
    let first = index + 1;
    while (first > from && holds(seen[first - 1]?.value ?? 0)) first -= 1;
    return first > index ? -1 : (seen[index]?.at ?? 0) - (seen[first]?.at ?? 0);
  };
  const told: string[] = [];
  let isActive = false;
  let changedAfter = 0;
  let firedAt = -Infinity;
  seen.forEach(({ at }, index) => {
    const needed = isActive ? clearHoldMs : holdMs;
    const held = heldFor(index, changedAfter, isActive ? (value) => value <= clearAt : (value) => value > above);
    if (held < 0 || held < needed || (!isActive && at - firedAt < cooldownMs)) return;
    isActive = !isActive;
    changedAfter = index + 1;
    if (isActive) firedAt = at;
    told.push(`${isActive ? 'fired' : 'cleared'} ${at}`);
  });
  return told;
};

describe('a rule', () => {
  it('does what its definition says, for any history', () => {
    const durations = fc.constantFrom(0, 5, 20, 60);
    const history = fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.option(fc.integer({ min: 0, max: 10 }))), {
      maxLength: 80,
    });
    const rules = fc.record({
      clearAt: fc.integer({ min: 0, max: 6 }),
      holdMs: durations,
      clearHoldMs: durations,
      cooldownMs: durations,
    });
    fc.assert(
      fc.property(rules, history, (rule, steps) => {
        let at = 0;
        const observations = steps.map(([dt, value]) => ({ at: (at += dt), value }));
        const whole = { above: 6, ...rule };
        expect(run(whole, observations).told).toEqual(oracle(whole, observations));
      }),
      { numRuns: 1_000 },
    );
  });

  it('below a threshold mirrors one above the negative of it', () => {
    const history = fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: -10, max: 10 })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(history, fc.integer({ min: 0, max: 5 }), (steps, gap) => {
        let at = 0;
        const observations = steps.map(([dt, value]) => ({ at: (at += dt), value }));
        const mirrored = observations.map(({ at: when, value }) => ({ at: when, value: -value }));
        const times = { holdMs: 15, clearHoldMs: 10, cooldownMs: 25 };
        const above = run(condition({ above: 3, clearAt: 3 - gap, ...times }), observations);
        expect(run(condition({ below: -3, clearAt: -3 + gap, ...times }), mirrored).told).toEqual(above.told);
      }),
    );
  });

  it('fires and clears at once without hold, and stays between the two thresholds', () => {
    expect(run(condition({ above: 8, clearAt: 5 }), rows(9, 7, 9, 7, 5, 7, 9)).told).toEqual([
      'fired 0',
      'cleared 40',
      'fired 60',
    ]);
  });

  it('compares the label of a prediction', () => {
    const rule = condition({ equals: 'leak', holdMs: 10 });
    expect(run(rule, rows('leak', 'normal', 'leak', 'leak', null, 'leak', 'normal')).told).toEqual([
      'fired 30',
      'cleared 60',
    ]);
  });

  it('waits for the end of its cooldown, and fires then if it still holds', () => {
    const rule = condition({ above: 5, cooldownMs: 35 });
    expect(run(rule, rows(9, 1, 9, 9, 9, 1)).told).toEqual(['fired 0', 'cleared 10', 'fired 40', 'cleared 50']);
  });

  it('is not moved by what comes late, and begins its hold anew when time was set back', () => {
    const rule = condition({ above: 5, holdMs: 20 });
    const late = [
      { at: 100_000, value: 9 },
      { at: 99_990, value: 1 },
      { at: 100_020, value: 9 },
    ];
    expect(run(rule, late).told).toEqual(['fired 100020']);
    const back = 100_000 - REORDER_MS - 1;
    const set = [
      { at: 100_000, value: 9 },
      { at: back, value: 9 },
      { at: back + 19, value: 9 },
      { at: back + 20, value: 9 },
    ];
    expect(run(rule, set).told).toEqual([`fired ${back + 20}`]);
  });

  it('that was active before a restart clears, and does not fire first', () => {
    const active: RuleState = { phase: 'active', since: 0, lastFiredAt: 0, lastAt: null };
    expect(run(condition({ above: 5 }), rows(9, 9, 1), active).told).toEqual(['cleared 20']);
  });
});
