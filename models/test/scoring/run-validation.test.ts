import { describe, expect, test } from '@jest/globals';
import type { ScoringSummary, ScoringValidation } from '@shoal/protocol';
import fc from 'fast-check';
import { canTellShift, columnShift, validateRun } from '../../src/scoring/index.ts';
import { QuantileSketch, type SerializedQuantiles } from '../../src/sketch/quantiles.ts';

const rules: ScoringValidation = { maxNanPct: 0, canaries: [] };
const sketchOf = (scores: readonly number[]): SerializedQuantiles => {
  const sketch = new QuantileSketch();
  for (const score of scores) sketch.add(score);
  return sketch.serialize();
};
const ramp = (rows: number, shift = 0): number[] => Array.from({ length: rows }, (_, i) => i / rows + shift);
const summaryOf = (scores: readonly number[], canaries: readonly (number | null)[] = []): ScoringSummary => ({
  expected: scores.length,
  rows: scores.length,
  quarantined: 0,
  checksum: '0'.repeat(64),
  columns: [{ name: 'health', nan: scores.filter(Number.isNaN).length, distribution: sketchOf(scores) }],
  canaries: canaries.map((value) => ({ entity: 'p', output: 'health', value })),
});

const codes = (change: Partial<ScoringValidation>, summary: ScoringSummary, published?: ScoringSummary): string[] =>
  validateRun({ ...rules, ...change }, { summary, published }).map(({ code, of }) =>
    [code, of].filter(Boolean).join(' '),
  );

describe('the validation of a run', () => {
  test('passes a run like the one before, and the first', () => {
    const strict = { minRows: 900, maxRowChangePct: 5, maxPsi: 0.1 };
    expect(codes(strict, summaryOf(ramp(1_000)), summaryOf(ramp(980)))).toEqual([]);
    expect(codes(strict, summaryOf(ramp(1_000)))).toEqual([]);
  });

  test('names each fault with its column or entity', () => {
    const plain = summaryOf(ramp(1_000));
    expect(codes({ minRows: 1_001 }, plain)).toEqual(['ROWS_TOO_FEW']);
    expect(codes({ maxRowChangePct: 5 }, plain, summaryOf(ramp(900)))).toEqual(['ROWS_CHANGED']);
    expect(codes({ maxRowChangePct: 5 }, summaryOf(ramp(850)), summaryOf(ramp(900)))).toEqual(['ROWS_CHANGED']);
    expect(codes({}, summaryOf([...ramp(999), Number.NaN]))).toEqual(['VALUES_MISSING health']);
    expect(codes({ maxNanPct: 0.2 }, summaryOf([...ramp(998), Number.NaN, 1]))).toEqual([]);
    expect(codes({ maxPsi: 0.25 }, summaryOf(ramp(1_000, 0.5)), plain)).toEqual(['SCORES_SHIFTED health']);
    const canaries = ['low', 'high', 'gone', 'fine'].map((entity) => ({ entity, output: 'health', min: 0, max: 0.5 }));
    expect(codes({ canaries }, summaryOf(ramp(10), [-0.1, 0.9, null, 0.5]))).toEqual([
      'CANARY_OUT_OF_RANGE low',
      'CANARY_OUT_OF_RANGE high',
      'CANARY_MISSING gone',
    ]);
  });

  test('measures next to no shift between samples of one distribution, and more the further it moves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 500, max: 3_000 }), fc.integer({ min: 500, max: 3_000 }), (rows, others) => {
        const shifts = [0, 0.1, 0.3, 0.6].map((by) => columnShift(sketchOf(ramp(rows)), sketchOf(ramp(others, by))));
        expect(shifts[0]).toBeLessThan(0.05);
        expect(shifts).toEqual(shifts.toSorted((a, b) => a - b));
        expect(shifts[3]).toBeGreaterThan(0.25);
      }),
      { numRuns: 20 },
    );
    expect(columnShift(sketchOf(ramp(100)), sketchOf([]))).toBe(0);
    expect([canTellShift(1_000, 1_000), canTellShift(1_000, 50), canTellShift(12, 12)]).toEqual([true, false, false]);
  });
});
