import { describe, expect, it } from '@jest/globals';
import { lineParser } from '../../src/sensors/line-formats.ts';

const columns = lineParser({ kind: 'csv', columns: ['t', '', 'p'], delimiter: ';' });
const pairs = lineParser({ kind: 'key-value' });

describe('a line', () => {
  it.each([
    ['t=21.5 p=-3e2', { t: 21.5, p: -300 }, undefined],
    ['t=21.5, p=7;q=', { t: 21.5, p: 7, q: null }, { q: 'missing' }],
    ['t=nan p=-inf', { t: null, p: null }, { t: 'not-finite', p: 'not-finite' }],
  ])('of pairs is read: %s', (line, values, marks) => {
    expect(pairs(line, 5)).toEqual({ observedAt: 5, values, ...(marks !== undefined && { marks }) });
  });

  it.each(['', 't', '=5', 't=warm', 't=1 what'])('that is no row of pairs is refused: "%s"', (line) => {
    expect(pairs(line, 0)).toBe('wrong-shape');
  });

  it('of columns has as many as were declared', () => {
    expect(columns('1.5;ignored;2', 9)).toEqual({ observedAt: 9, values: { t: 1.5, p: 2 } });
    expect(columns('1.5;;', 9)).toEqual({ observedAt: 9, values: { t: 1.5, p: null }, marks: { p: 'missing' } });
    for (const line of ['1.5;2', '1;2;3;4', 'a;b;c']) expect(columns(line, 9)).toBe('wrong-shape');
  });

  it('of more channels than a record takes is refused', () => {
    const wide = Array.from({ length: 65 }, (_, index) => `c${index}=1`).join(' ');
    expect(pairs(wide, 0)).toBe('too-many-channels');
  });

  it('of JSON is read as everywhere', () => {
    expect(lineParser({ kind: 'json' })('{"a":1}', 3)).toEqual({ observedAt: 3, values: { a: 1 } });
  });
});
