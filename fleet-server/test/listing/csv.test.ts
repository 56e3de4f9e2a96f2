/** CSV that any reader of RFC 4180 gets back, and that no spreadsheet runs. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { csvField, csvLine } from '../../src/listing/csv.ts';

/** The grammar of RFC 4180 section 2, read literally. */
const parseRecord = (line: string): string[] => {
  const fields: string[] = [];
  let rest = line.slice(0, -2);
  for (;;) {
    const match = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|$)/.exec(rest);
    if (!match) throw new Error(`not RFC 4180: ${JSON.stringify(rest)}`);
    fields.push(match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'));
    rest = rest.slice(match[0].length);
    if (match[3] !== ',') return fields;
  }
};

const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', '=', '@', 'x', ' ') }));

describe('CSV', () => {
  it('is read back as it was written, but for the apostrophe before formulas', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), (values) => {
        const expected = values.map((value) => (/^[=+\-@\t\r]/.test(value) ? `'${value}` : value));
        expect(parseRecord(csvLine(values))).toEqual(expected);
      }),
    );
  });

  it.each(['=cmd|x', '+1', '-1', '@SUM(A1)', '\tx', '\rx'])('makes %j inert', (formula) => {
    expect(csvField(formula).replace(/^"/, '')).toMatch(/^'/);
  });

  it('leaves numbers, booleans and nothing as they are', () => {
    expect(csvLine([-1.5, true, null, undefined, 0])).toBe('-1.5,true,,,0\r\n');
  });
});
