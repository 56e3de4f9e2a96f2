/** Numbers in and out of FP16 and FP32: exact, rounded as IEEE 754 says, written in the fewest digits. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { float16ToNumber, numberToFloat16 } from '../../src/index.ts';
import { shortestDoubles } from '../../src/inference/float32-digits.ts';

/** The engine's own rounding, which the type library does not have yet. */
const { f16round } = Math as unknown as { readonly f16round: (value: number) => number };

describe('FP16', () => {
  test('every one of the 65,536 patterns comes back from its number', () => {
    const patterns = Array.from({ length: 0x1_0000 }, (_, bits) => bits);
    const isNaNPattern = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;
    const returned = patterns.map((bits) => numberToFloat16(float16ToNumber(bits)));
    expect(returned).toEqual(patterns.map((bits) => (isNaNPattern(bits) ? 0x7e00 : bits)));
  });

  test('every midpoint of two neighbours goes to the even one, and what is beside it to the nearer', () => {
    const patterns = Array.from({ length: 0x7bff }, (_, bits) => bits);
    const middles = patterns.map((bits) => (float16ToNumber(bits) + float16ToNumber(bits + 1)) / 2);
    const beside = (factor: number): number[] => middles.map((middle) => numberToFloat16(middle * factor));
    expect(beside(1)).toEqual(patterns.map((bits) => bits + (bits & 1)));
    expect(beside(1 - 2 ** -50)).toEqual(patterns);
    expect(beside(-1 - 2 ** -50)).toEqual(patterns.map((bits) => 0x8000 | (bits + 1)));
  });

  test('the ends: the largest, what rounds to infinity, the smallest, what rounds to zero', () => {
    expect([65_504, 65_519.999, 65_520, 1e300, Infinity].map(numberToFloat16)).toEqual([
      0x7bff, 0x7bff, 0x7c00, 0x7c00, 0x7c00,
    ]);
    expect([2 ** -24, 2 ** -25, -(2 ** -25), 5e-324, -0].map(numberToFloat16)).toEqual([1, 0, 0x8000, 0, 0x8000]);
  });

  test('any double rounds once, straight to FP16', () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.double({ min: -70_000, max: 70_000 })), (value) => {
        expect(float16ToNumber(numberToFloat16(value))).toBe(f16round(value));
      }),
      { numRuns: 2_000 },
    );
  });
});

const float32 = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0] as number;
const written = (value: number): string => String(shortestDoubles(Float32Array.of(value))[0]);
const digitsOf = (text: string): number =>
  (text.split('e')[0] ?? '').replace(/[-.]/g, '').replace(/^0+|0+$/g, '').length;

/** By trying all decimals that could do, in integers: independent of how the code finds it. */
const fewestDigits = (value: number): number => {
  for (let digits = 1; digits <= 9; digits += 1) {
    const [mantissa = '', exponent = ''] = Math.abs(value)
      .toExponential(digits - 1)
      .split('e');
    const units = Number(mantissa.replace('.', ''));
    const reads = (near: number): boolean =>
      Math.fround(Number(`${near}e${Number(exponent) - digits + 1}`)) === Math.abs(value);
    if ([units - 1, units, units + 1].some(reads)) return digits;
  }
  return 9;
};

/** What a value is written as, and what it should be: compared by each test. */
const judged = (value: number): { readonly readsAs: number; readonly digits: number } => ({
  readsAs: Math.fround(Number(written(value))),
  digits: digitsOf(written(value)),
});
const wanted = (value: number): ReturnType<typeof judged> => ({ readsAs: value, digits: fewestDigits(value) });

describe('FP32 in the fewest digits', () => {
  test.each([
    [0.1, '0.1'],
    [1 / 3, '0.33333334'],
    [16_777_216, '16777216'],
    [3.4028234663852886e38, '3.4028235e+38'],
    [1e-45, '1e-45'],
    [1.17549435e-38, '1.1754944e-38'],
    [-0.000012345, '-0.000012345'],
  ])('%d is %s', (value, text) => {
    expect(written(Math.fround(value))).toBe(text);
  });

  test('zeros and what is not finite stay as they are', () => {
    const values = Float32Array.of(0, -0, NaN, Infinity, -Infinity);
    expect([...shortestDoubles(values)]).toEqual([0, -0, NaN, Infinity, -Infinity]);
  });

  test('every power of two and both its neighbours', () => {
    for (let exponent = 1; exponent < 255; exponent += 1) {
      for (const beside of [-1, 0, 1]) {
        const value = float32((exponent << 23) + beside);
        expect(judged(value)).toEqual(wanted(value));
      }
    }
  });

  test('any bit pattern', () => {
    const pattern = fc.oneof(fc.integer({ min: 1, max: 0x7f7f_ffff }), fc.integer({ min: 1, max: 0x7f_ffff }));
    fc.assert(
      fc.property(pattern, fc.boolean(), (bits, isNegative) => {
        const value = isNegative ? -float32(bits) : float32(bits);
        expect(judged(value)).toEqual(wanted(value));
      }),
      { numRuns: 3_000 },
    );
  });

  test('six digits where seven would round away from them', () => {
    const decimals = Array.from({ length: 23_437 }, (_, step) => (976_563 + step) / 1e9);
    const values = Float32Array.from(decimals);
    expect([...shortestDoubles(values)]).toEqual(decimals);
  });

  test('any decimal of at most six digits comes back as itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 999_999 }), fc.integer({ min: -30, max: 30 }), (units, exponent) => {
        const decimal = Number(`${units}e${exponent}`);
        expect(written(Math.fround(decimal))).toBe(String(decimal));
      }),
    );
  });
});
