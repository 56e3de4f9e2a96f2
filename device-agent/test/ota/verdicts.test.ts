import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import { judgeService } from '../../src/ota/probation.ts';
import { judgeShadow } from '../../src/ota/shadow.ts';

const RULE = { minWindows: 10, maxSeconds: 60, minAgreementPpm: 800_000 };
const WELL = { failures: 0, losses: 0, isDown: false };
const codeOf = (verdict: ReturnType<typeof judgeShadow>): string =>
  typeof verdict === 'string' ? verdict : verdict.code;

describe('judging a candidate in its shadow', () => {
  it('says what the whole of the windows will say, and never earlier than they must', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }), (answers) => {
        const verdicts = answers.map((_, index) => {
          const seen = answers.slice(0, index + 1);
          return codeOf(judgeShadow(RULE, { windows: seen.length, agreed: seen.filter(Boolean).length, ...WELL }));
        });
        const last = answers.filter(Boolean).length >= 8 ? 'agrees' : 'UPDATE_DISAGREES';
        const lost = answers.map((_, index) => answers.slice(0, index + 1).filter((agrees) => !agrees).length);
        const wanted = lost.map((count, index) => {
          if (count > 2) return 'UPDATE_DISAGREES';
          return index + 1 === answers.length ? last : 'watching';
        });
        expect(verdicts).toEqual(wanted);
      }),
    );
  });

  it('takes windows without an answer for failures and not for another opinion, and says why they had none', () => {
    const seen = { windows: 5, agreed: 5, ...WELL, lastFault: 'the process ended' };
    expect(judgeShadow(RULE, { ...seen, failures: 2 })).toBe('watching');
    for (const harm of [{ failures: 3 }, { losses: 2 }, { isDown: true }]) {
      const verdict = judgeShadow(RULE, { ...seen, ...harm });
      expect(codeOf(verdict)).toBe('UPDATE_FAILS_IN_SHADOW');
      expect(JSON.stringify(verdict)).toContain('Last: the process ended');
    }
    expect(judgeShadow(RULE, { ...seen, windows: 40, agreed: 40, failures: 4 })).toBe('agrees');
  });
});

describe('judging a version that serves', () => {
  it('lets it stay when it answered enough for long enough, and not when it fails, loses engines or has none', () => {
    const rule = { minInferences: 5, minSeconds: 2, maxSeconds: 60 };
    expect(judgeService(rule, { inferences: 5, ...WELL }, 1_999)).toBe('watching');
    expect(judgeService(rule, { inferences: 4, ...WELL }, 2_000)).toBe('watching');
    expect(judgeService(rule, { inferences: 5, ...WELL }, 2_000)).toBe('passed');
    for (const harm of [{ failures: 3 }, { losses: 2 }, { isDown: true }])
      expect(['passed', 'watching']).not.toContain(judgeService(rule, { inferences: 5, ...WELL, ...harm }, 2_000));
    expect(judgeService(rule, { inferences: 31, ...WELL, failures: 3 }, 2_000)).toBe('passed');
  });
});
