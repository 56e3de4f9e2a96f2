/** Counts of different values: exact while there are few, close when there are many, and the same in any order. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ByteReader, ByteWriter, DistinctSketch } from '../../src/index.ts';

const of = (values: Iterable<number | string | boolean>): DistinctSketch => {
  const sketch = new DistinctSketch();
  for (const value of values) sketch.add(value);
  return sketch;
};
const bytesOf = (sketch: DistinctSketch): Buffer => {
  const writer = new ByteWriter();
  sketch.write(writer);
  return writer.take();
};
const readAgain = (sketch: DistinctSketch): DistinctSketch => DistinctSketch.read(new ByteReader(bytesOf(sketch)));
const numbered = (first: number, last: number): number[] =>
  Array.from({ length: last - first }, (_, index) => first + index);

describe('distinct values', () => {
  it('are exact up to a thousand, whatever is repeated', () => {
    for (const count of [0, 1, 37, 999, 1_000]) {
      const values = numbered(0, count);
      expect(of([...values, ...values, ...values.toReversed()]).count()).toBe(count);
    }
    expect(of([1, '1', true, 'true', 1.5]).count()).toBe(5);
  });

  it('beyond that are right within one per cent RMS', () => {
    for (const count of [1_001, 5_000, 20_000]) {
      const squares = Array.from({ length: 20 }, (_, seed) => {
        const sketch = new DistinctSketch();
        for (let value = 0; value < count; value += 1) sketch.add(`${seed}/${value}`);
        return (sketch.count() / count - 1) ** 2;
      });
      expect(Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length)).toBeLessThan(0.0115);
    }
  });

  it('give the same state in any order, in any parts, read again or not', () => {
    fc.assert(
      fc.property(fc.nat(3_000), fc.nat(3_000), fc.boolean(), (first, second, isReadAgain) => {
        const [a, b] = [of(numbered(0, first)), of(numbered(first >> 1, second))];
        const whole = bytesOf(of([...numbered(first >> 1, second), ...numbered(0, first)]));
        const merged = isReadAgain ? readAgain(a) : a;
        merged.merge(isReadAgain ? readAgain(b) : b);
        expect(bytesOf(merged).equals(whole)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it('take no more bytes however many there are', () => {
    expect(bytesOf(of(numbered(0, 10))).length).toBeLessThan(100);
    expect(bytesOf(of(numbered(0, 60_000))).length).toBeLessThan(12_400);
  });
});
