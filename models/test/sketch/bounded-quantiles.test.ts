/** Quantile sketches that are bounded: few bytes, the same in any order, and read as they were written. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ByteReader, ByteWriter, QuantileSketch } from '../../src/index.ts';

const of = (values: readonly number[]): QuantileSketch => {
  const sketch = new QuantileSketch('bounded');
  for (const value of values) sketch.add(value);
  return sketch;
};
const bytesOf = (sketch: QuantileSketch): Buffer => {
  const writer = new ByteWriter();
  sketch.write(writer);
  return writer.take();
};
const readAgain = (sketch: QuantileSketch): QuantileSketch => QuantileSketch.read(new ByteReader(bytesOf(sketch)));
const SHARES = [0, 0.01, 0.25, 0.5, 0.75, 0.99, 1];
const quantiles = (sketch: QuantileSketch): (number | null)[] => SHARES.map((share) => sketch.quantile(share));

/** Over all magnitudes, so that bins are given up. */
const wide = fc.array(
  fc.tuple(fc.integer({ min: -300, max: 300 }), fc.integer({ min: -9, max: 9 })).map(([e, m]) => m * 10 ** e),
  { maxLength: 60 },
);

describe('a bounded quantile sketch', () => {
  test('says the same in any order, in any parts, read again or not', () => {
    fc.assert(
      fc.property(wide, wide, fc.boolean(), (left, right, isReadAgain) => {
        const whole = of([...right, ...left]);
        const merged = isReadAgain ? readAgain(of(left)) : of(left);
        merged.merge(isReadAgain ? readAgain(of(right)) : of(right));
        expect(merged.count).toBe(whole.count);
        expect(quantiles(merged)).toEqual(quantiles(whole));
        expect(quantiles(readAgain(merged))).toEqual(quantiles(whole));
      }),
    );
  });

  test('takes a few hundred bytes for one quantity, and at most 4 kB for whatever positive values', () => {
    const temperatures = Array.from({ length: 10_000 }, (_, index) => 60 + (index % 100) / 5);
    expect(bytesOf(of(temperatures)).length).toBeLessThan(100);
    const everything = Array.from({ length: 60_000 }, (_, index) => 10 ** ((index % 6_000) / 10 - 300));
    expect(bytesOf(of(everything)).length).toBeLessThan(4_096);
  });
});
