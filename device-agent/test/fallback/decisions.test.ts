import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { remoteDeadlineMs, RequestAllowance } from '../../src/fallback/budget.ts';
import { BREAKER_RULES, CircuitBreaker } from '../../src/fallback/circuit-breaker.ts';
import { escalationReason, normalisedEntropy, underShed } from '../../src/fallback/escalation-policy.ts';
import { keepMostValuable, type HardExample } from '../../src/fallback/hard-examples.ts';
import { hedgeAfterMs } from '../../src/fallback/hedge.ts';
import { descend } from '../../src/fallback/ladder.ts';
import { ShedMemory } from '../../src/fallback/shed-memory.ts';

const distribution = fc
  .array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 8 })
  .filter((parts) => parts.some((part) => part > 1e-6))
  .map((parts) => {
    const total = parts.reduce((sum, part) => sum + part, 0);
    return parts.map((part) => part / total);
  });

describe('escalation', () => {
  it('takes 0 log 0 as 0, and the entropy of equals as 1', () => {
    expect(normalisedEntropy([1, 0, 0])).toBe(0);
    expect(normalisedEntropy([0.25, 0.25, 0.25, 0.25])).toBeCloseTo(1);
    expect(
      fc.check(fc.property(distribution, (p) => normalisedEntropy(p) >= 0 && normalisedEntropy(p) <= 1)).failed,
    ).toBe(false);
  });

  it('gives each policy its reason, and null switches one off', () => {
    const unsure = { probabilities: [0.5, 0.45, 0.05] };
    expect(escalationReason({ minProbability: 0.6 }, unsure, 1)).toBe('probability');
    expect(escalationReason({ minProbability: null, minMargin: 0.1 }, unsure, 1)).toBe('margin');
    expect(escalationReason({ maxEntropy: 0.5 }, unsure, 1)).toBe('entropy');
    expect(escalationReason({ nearThreshold: 0.2 }, { score: { value: 0.9, threshold: 1 } }, 1)).toBe('near-threshold');
    expect(escalationReason({ nearThreshold: 0.2 }, { score: { value: 0.7, threshold: 1 } }, 1)).toBeUndefined();
    expect(escalationReason({ maxOutside: 0.3 }, { outside: 0.4 }, 1)).toBe('outside');
    expect(escalationReason({ auditShare: 0.01 }, {}, 0.005)).toBe('audit');
  });

  it('never asks near a threshold that the device does not know', () => {
    const evidence = { score: { value: 1, threshold: Infinity } };
    expect(escalationReason({ nearThreshold: 100 }, evidence, 1)).toBeUndefined();
  });

  it('asks for less the more the server sheds, and for nothing at 1', () => {
    const policy = { minProbability: 0.9, minMargin: 0.5, maxEntropy: 0.3, nearThreshold: 0.5, auditShare: 0.5 };
    const shares = fc.double({ min: 0, max: 1, noNaN: true });
    expect(
      fc.check(
        fc.property(distribution, shares, shares, shares, (probabilities, chance, one, other) => {
          const [less, more] = [Math.min(one, other), Math.max(one, other)];
          const evidence = { probabilities };
          const asks = (shed: number): boolean =>
            escalationReason(underShed(policy, shed), evidence, chance) !== undefined;
          return (!asks(more) || asks(less)) && !asks(1);
        }),
      ).failed,
    ).toBe(false);
  });

  it('forgets a hint by half', () => {
    const memory = new ShedMemory();
    memory.hear(0.8, 0);
    expect(memory.value(0)).toBe(0.8);
    expect(memory.value(10_000)).toBeCloseTo(0.4);
  });
});

describe('budget', () => {
  const ms = fc.double({ min: 0, max: 10_000, noNaN: true });

  it('leaves the way back out of what the server may use', () => {
    expect(
      fc.check(
        fc.property(ms, ms, ms, (budgetMs, elapsedMs, returnMs) => {
          const deadlineMs = remoteDeadlineMs({ budgetMs, elapsedMs, returnMs });
          return deadlineMs === undefined || (deadlineMs > 0 && elapsedMs + deadlineMs + returnMs <= budgetMs + 1e-9);
        }),
      ).failed,
    ).toBe(false);
  });

  it('gives no more requests than burst and pace', () => {
    expect(
      fc.check(
        fc.property(fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 100 }), (pauses) => {
          const allowance = new RequestAllowance(60, 3, 0);
          let now = 0;
          const taken = pauses.filter((pause) => allowance.take((now += pause))).length;
          return taken <= 3 + now / 1_000;
        }),
      ).failed,
    ).toBe(false);
  });

  it('hedges within the budget, and early enough for the fleet', () => {
    const known = fc.option(ms, { nil: null });
    expect(
      fc.check(
        fc.property(ms, known, known, (budgetMs, localP95Ms, remoteP95Ms) => {
          const after = hedgeAfterMs({ budgetMs, localP95Ms, remoteP95Ms });
          return after >= 0 && after + Math.min(remoteP95Ms ?? budgetMs / 2, budgetMs) <= budgetMs + 1e-9;
        }),
      ).failed,
    ).toBe(false);
  });
});

describe('circuit breaker', () => {
  const bad = { isGood: false, latencyMs: 100 };
  const good = { isGood: true, latencyMs: 5 };
  const fail = (breaker: CircuitBreaker, now: number): void => {
    for (let i = 0; i < BREAKER_RULES.minimum; i += 1) breaker.note(bad, 50, now);
  };

  it('opens on failures, rests, probes one at a time, and closes after good probes', () => {
    const breaker = new CircuitBreaker();
    fail(breaker, 0);
    expect(breaker.admit(BREAKER_RULES.restMs - 1)).toBe(false);
    for (let probe = 0; probe < BREAKER_RULES.probes; probe += 1) {
      expect(breaker.admit(BREAKER_RULES.restMs)).toBe(true);
      expect(breaker.admit(BREAKER_RULES.restMs)).toBe(false);
      breaker.note(good, 50, BREAKER_RULES.restMs);
    }
    expect(breaker.report()).toEqual({ state: 'closed', opened: 1, closed: 1 });
  });

  it('learns nothing from what was asked before its last transition', () => {
    const breaker = new CircuitBreaker();
    const before = breaker.period;
    fail(breaker, 0);
    expect(breaker.admit(BREAKER_RULES.restMs)).toBe(true);
    breaker.note(bad, 50, BREAKER_RULES.restMs, before);
    breaker.withdraw(before);
    expect(breaker.report()).toMatchObject({ state: 'half-open', opened: 1 });
    expect(breaker.admit(BREAKER_RULES.restMs)).toBe(false);
    breaker.withdraw();
    expect(breaker.admit(BREAKER_RULES.restMs)).toBe(true);
  });

  it('opens when answers come but later than the budget', () => {
    const breaker = new CircuitBreaker();
    for (let i = 0; i < BREAKER_RULES.minimum; i += 1) breaker.note({ isGood: true, latencyMs: 60 }, 50, 0);
    expect(breaker.report().state).toBe('open');
  });

  it('rests longer after a failed probe, up to a bound', () => {
    const breaker = new CircuitBreaker();
    let now = 0;
    fail(breaker, now);
    for (let rest = BREAKER_RULES.restMs; rest < 4 * BREAKER_RULES.longestRestMs; rest *= 2) {
      const bounded = Math.min(rest, BREAKER_RULES.longestRestMs);
      expect(breaker.admit(now + bounded - 1)).toBe(false);
      expect(breaker.admit((now += bounded))).toBe(true);
      breaker.note(bad, 50, now);
    }
  });

  it('rests as at first again after a new connection', () => {
    const breaker = new CircuitBreaker();
    fail(breaker, 0);
    let now = BREAKER_RULES.restMs;
    for (let i = 0; i < 4; i += 1) {
      expect(breaker.admit(now)).toBe(true);
      breaker.note(bad, 50, now);
      now += BREAKER_RULES.longestRestMs;
    }
    expect(breaker.admit(now)).toBe(true);
    breaker.note(bad, 50, now);
    breaker.reconnected(now);
    expect(breaker.admit(now + BREAKER_RULES.restMs - 1)).toBe(false);
    expect(breaker.admit(now + BREAKER_RULES.restMs)).toBe(true);
  });

  it('never admits while it rests, whatever happens', () => {
    const step = fc.record({ pause: fc.nat(3_000), isGood: fc.boolean(), withdraws: fc.boolean() });
    expect(
      fc.check(
        fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
          const breaker = new CircuitBreaker();
          let now = 0;
          let openedAt: number | undefined;
          for (const { pause, isGood, withdraws } of steps) {
            now += pause;
            const isAdmitted = breaker.admit(now);
            if (isAdmitted && openedAt !== undefined && now < openedAt + BREAKER_RULES.restMs) return false;
            if (!isAdmitted) continue;
            if (withdraws) breaker.withdraw();
            else breaker.note({ isGood, latencyMs: 1 }, 50, now);
            openedAt = breaker.report().state === 'open' ? now : undefined;
          }
          return true;
        }),
      ).failed,
    ).toBe(false);
  });
});

describe('ladder', () => {
  const verdict = {
    outputs: { score: 1 },
    label: 'normal',
    threshold: 2,
    exceeded: false,
    engine: 'native-child',
    latencyMs: 1,
  };
  const rungs = {
    local: undefined,
    recent: undefined,
    recentMaxAgeMs: 100,
    nightly: undefined,
    nightlyMaxAgeMs: 1_000,
    why: 'Because.',
    elapsedMs: 3,
  };

  it('goes down rung by rung and says why', () => {
    const recent = { verdict, ageMs: 50 };
    const nightly = { verdict, ageMs: 500 };
    expect(descend({ ...rungs, local: verdict, recent, nightly })).toEqual({ ...verdict, degradedReason: 'Because.' });
    expect(descend({ ...rungs, recent, nightly })).toMatchObject({ source: 'recent', label: 'normal' });
    expect(descend({ ...rungs, recent: { verdict, ageMs: 101 }, nightly })).toMatchObject({ source: 'nightly' });
    expect(descend({ ...rungs, nightly: { verdict, ageMs: 1_001 } })).toMatchObject({
      source: 'abstained',
      exceeded: false,
      outputs: {},
      degradedReason: 'Because.',
    });
  });
});

describe('hard examples', () => {
  const example = (label: string, uncertainty: number): HardExample => ({
    at: 0,
    kind: 'late',
    model: 'm',
    vectorHash: null,
    features: [],
    local: null,
    remote: { label, outputs: {} },
    remoteModel: 'big',
    uncertainty,
  });

  it('keeps within the bound, the most unsure of a class, and never loses the rarest class first', () => {
    const sure = fc.nat(100).map((percent) => percent / 100);
    expect(
      fc.check(
        fc.property(fc.array(sure, { minLength: 5, maxLength: 40 }), sure, (many, rare) => {
          const kept = keepMostValuable([...many.map((u) => example('common', u)), example('rare', rare)], 4);
          const common = kept.filter(({ remote }) => remote.label === 'common').map(({ uncertainty }) => uncertainty);
          const best = many.toSorted((a, b) => b - a).slice(0, common.length);
          return (
            kept.length === 4 && common.length === 3 && common.toSorted((a, b) => b - a).every((u, i) => u === best[i])
          );
        }),
      ).failed,
    ).toBe(false);
  });
});
