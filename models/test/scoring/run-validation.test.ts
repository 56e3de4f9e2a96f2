import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  ColumnTally,
  columnShift,
  validateRun,
  type ScoreSummary,
  type ValidationRules,
} from '../../src/scoring/index.ts';

const summaryOf = (scores: readonly (number | null)[]): ScoreSummary => {
  const tally = new ColumnTally();
  for (const score of scores) tally.add('health', score);
  return { rows: scores.length, outputs: tally.summary() };
};
const ramp = (rows: number, shift = 0): number[] => Array.from({ length: rows }, (_, i) => i / rows + shift);
const lenient: ValidationRules = { maxNanPct: 0, canaries: [] };

const codes = (
  rules: Partial<ValidationRules>,
  scores: readonly (number | null)[],
  published?: readonly (number | null)[],
): string[] =>
  validateRun(
    { ...lenient, ...rules },
    {
      summary: summaryOf(scores),
      published: published === undefined ? undefined : summaryOf(published),
      scoreOf: (entity) => scores[Number(entity.slice(1))],
    },
  ).map(({ code, of }) => [code, of].filter(Boolean).join(' '));

describe('the validation of a run', () => {
  test('passes a run like the one before, and the first', () => {
    const rules = { minRows: 900, maxRowChangePct: 5, maxPsi: 0.1 };
    expect(codes(rules, ramp(1_000), ramp(980))).toEqual([]);
    expect(codes(rules, ramp(1_000))).toEqual([]);
  });

  test('names each fault with its output or entity', () => {
    expect(codes({ minRows: 1_001 }, ramp(1_000))).toEqual(['ROWS_TOO_FEW']);
    expect(codes({ maxRowChangePct: 5 }, ramp(1_000), ramp(900))).toEqual(['ROWS_CHANGED']);
    expect(codes({ maxRowChangePct: 5 }, ramp(850), ramp(900))).toEqual(['ROWS_CHANGED']);
    expect(codes({}, [...ramp(999), Number.NaN])).toEqual(['VALUES_MISSING health']);
    expect(codes({ maxNanPct: 0.2 }, [...ramp(998), null, 1])).toEqual([]);
    expect(codes({ maxPsi: 0.25 }, ramp(1_000, 0.5), ramp(1_000))).toEqual(['SCORES_SHIFTED health']);
    const canaries = [
      { entity: 'p5', output: 'health', min: 0, max: 0.1 },
      { entity: 'p900', output: 'health', min: 0, max: 0.1 },
      { entity: 'p5000', output: 'health', min: 0, max: 1 },
    ];
    expect(codes({ canaries }, ramp(1_000))).toEqual(['CANARY_OUT_OF_RANGE p900', 'CANARY_MISSING p5000']);
  });

  test('measures no shift between samples of one distribution, and the more the further it moves', () => {
    const columnOf = (scores: readonly number[]): NonNullable<ScoreSummary['outputs']['health']> => {
      const column = summaryOf(scores).outputs['health'];
      if (column === undefined) throw new Error('no column');
      return column;
    };
    fc.assert(
      fc.property(fc.integer({ min: 500, max: 3_000 }), fc.integer({ min: 500, max: 3_000 }), (rows, others) => {
        const shifts = [0, 0.1, 0.3, 0.6].map((by) => columnShift(columnOf(ramp(rows)), columnOf(ramp(others, by))));
        expect(shifts[0]).toBeLessThan(0.05);
        expect(shifts).toEqual(shifts.toSorted((a, b) => a - b));
        expect(shifts[3]).toBeGreaterThan(0.25);
      }),
      { numRuns: 20 },
    );
    expect(columnShift(columnOf(ramp(100)), columnOf([]))).toBe(0);
  });
});
