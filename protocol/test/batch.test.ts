/** Batches: the round trip of every kind, and one named error for each way to be wrong. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BOUNDS, ProtocolError, RECORD_KINDS, decodeBatch, encodeBatch, type RecordKind } from '../src/index.ts';
import { batchOf } from './arbitraries.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const faultOf = (payload: string, kind: RecordKind = 'readings'): { code: string; message: string } => {
  try {
    decodeBatch(kind, bytes(payload));
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  return { code: 'ok', message: '' };
};
const reading = (fields = '"sequence":1', values = '{"a":1}'): string =>
  `{"observedAt":1,"source":"pump","values":${values},${fields}}`;
const batch = (records: string[], fields = '"sentAt":1'): string =>
  `{"v":1,"epoch":"9f86d081884c7d659a2f","class":"reading","lane":"live","clock":{"state":"synchronised"},${fields},` +
  `"records":[${records.join(',')}]}`;
const event = (data: string): string =>
  batch([`{"sequence":1,"observedAt":1,"kind":"k","severity":"info","message":"","data":${data}}`]);

describe.each(RECORD_KINDS)('batches of %s', (kind) => {
  test('what is encoded is decoded, as JSON and as gzip', () => {
    fc.assert(
      fc.property(batchOf(kind), (drawn) => {
        const expected = JSON.stringify(drawn);
        for (const payload of [encodeBatch(drawn), bytes(expected), gzipSync(expected)]) {
          const decoded = decodeBatch(kind, payload);
          expect(JSON.parse(JSON.stringify(decoded))).toEqual(JSON.parse(expected));
        }
      }),
      { numRuns: 200 },
    );
  });

  test('records out of order or twice are refused with their place', () => {
    fc.assert(
      fc.property(
        batchOf(kind).filter(({ records }) => records.length > 1),
        fc.nat(),
        (drawn, at) => {
          const index = 1 + (at % (drawn.records.length - 1));
          const previous = drawn.records[index - 1]?.sequence ?? 0;
          const records = drawn.records.with(index, { ...drawn.records[index], sequence: previous } as never);
          const fault = faultOf(JSON.stringify({ ...drawn, records }), kind);
          expect(fault.code).toBe('SCHEMA_INVALID');
          expect(fault.message).toContain(`records.${index}.sequence`);
        },
      ),
    );
  });

  test('any member taken away or replaced is an answer or a named error', () => {
    fc.assert(
      fc.property(batchOf(kind), fc.nat(), fc.jsonValue({ maxDepth: 2 }), (drawn, at, junk) => {
        const keys = Object.keys(drawn);
        const broken = { ...drawn, [keys[at % keys.length] ?? 'v']: junk };
        expect(faultOf(JSON.stringify(broken), kind).code).toMatch(/^(ok|SCHEMA_INVALID|NUMBER_NOT_FINITE)$/);
      }),
    );
  });
});

describe('decodeBatch', () => {
  test.each([
    ['a value of 1e999', batch([reading('"sequence":1', '{"a":1e999}')]), 'records.0.values.a'],
    ['a value of -1e999', batch([reading('"sequence":1', '{"a":-1e999}')]), 'records.0.values.a'],
    ['an instant of 1e999', batch([reading()], '"sentAt":1e999'), 'sentAt'],
    ['a sequence of 2^53', batch([reading('"sequence":9007199254740992')]), 'records.0.sequence'],
    ['a sequence of -2^53', batch([reading('"sequence":-9007199254740992')]), 'records.0.sequence'],
    [
      'an offset of 1e999',
      batch([reading()], '"sentAt":1,"clock":{"state":"synchronised","offsetMs":1e999}'),
      'clock.offsetMs',
    ],
  ])('%s is NUMBER_NOT_FINITE', (_, payload, path) => {
    const fault = faultOf(payload);
    expect(fault.code).toBe('NUMBER_NOT_FINITE');
    expect(fault.message).toContain(` at ${path}:`);
  });

  test('a fact of 1e999 in an event is NUMBER_NOT_FINITE, inside its union', () => {
    expect(faultOf(event('{"a":1e999}'), 'events').code).toBe('NUMBER_NOT_FINITE');
    expect(faultOf(event('{"a":[1]}'), 'events').code).toBe('SCHEMA_INVALID');
    expect(faultOf(event('{"a":1e308}'), 'events').code).toBe('ok');
  });

  test.each([
    ['no records', batch([])],
    ['a record that is null', batch(['null'])],
    ['a record that is an array', batch(['[]'])],
    ['a sequence of 0', batch([reading('"sequence":0')])],
    ['a sequence of 1.5', batch([reading('"sequence":1.5')])],
    ['a number as text', batch([reading('"sequence":"1"')])],
    ['an instant after the year 275760', batch([reading('"sequence":1,"observedAt":8640000000000001')])],
    ['a nameless channel', batch([reading('"sequence":1', '{"":1}')])],
    ['a value that is text', batch([reading('"sequence":1', '{"a":"1"}')])],
    ['another version', batch([reading()], '"sentAt":1,"v":2')],
    ['another epoch', batch([reading()], '"sentAt":1,"epoch":"9F86D081884C7D659A2F"')],
    ['another lane', batch([reading()], '"sentAt":1,"lane":"fast"')],
    ['an array in place of the envelope', '[]'],
    ['records that are no array', batch([]).replace('"records":[]', '"records":{"length":5}')],
  ])('%s is SCHEMA_INVALID', (_, payload) => {
    expect(faultOf(payload).code).toBe('SCHEMA_INVALID');
  });

  test('the bounds of records and of values hold at their edges', () => {
    const of = (count: number): string =>
      batch(Array.from({ length: count }, (_, i) => reading(`"sequence":${i + 1}`)));
    expect(faultOf(of(BOUNDS.recordsPerBatch)).code).toBe('ok');
    expect(faultOf(of(BOUNDS.recordsPerBatch + 1)).code).toBe('BATCH_TOO_LONG');
    const wide = (count: number): string =>
      batch([
        reading('"sequence":1', JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [i, 0])))),
      ]);
    expect(faultOf(wide(BOUNDS.valuesPerRecord)).code).toBe('ok');
    expect(faultOf(wide(BOUNDS.valuesPerRecord + 1)).code).toBe('SCHEMA_INVALID');
  });

  test('a bad batch costs no more than a good one: the first fault ends the work', () => {
    const good = gzipSync(batch(Array.from({ length: 1_000 }, (_, i) => reading(`"sequence":${i + 1}`))));
    const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 15_000 }, (_, i) => [`k${i}`, 'x'])));
    const bad = gzipSync(batch([reading('"sequence":1', wide)]));
    const timeOf = (payload: Uint8Array): number => {
      const startedAt = process.hrtime.bigint();
      try {
        decodeBatch('readings', payload);
      } catch {
        // The bad one is refused: only its cost matters here.
      }
      return Number(process.hrtime.bigint() - startedAt);
    };
    const best = (payload: Uint8Array): number => Math.min(...Array.from({ length: 15 }, () => timeOf(payload)));
    expect(best(bad) / best(good)).toBeLessThan(5);
  });

  test('unknown fields of newer agents are ignored and __proto__ keys are dropped', () => {
    const decoded = decodeBatch(
      'readings',
      bytes(
        batch(
          [reading('"sequence":1,"novel":{"x":1},"__proto__":{"y":1}', '{"a":1,"__proto__":2}')],
          '"sentAt":1,"more":1',
        ),
      ),
    );
    expect(Object.keys(decoded.records[0] ?? {}).toSorted()).toEqual(['observedAt', 'sequence', 'source', 'values']);
    expect(Object.keys(decoded.records[0]?.values ?? {})).toEqual(['a']);
    expect(decoded).not.toHaveProperty('more');
    expect(({} as { y?: number }).y).toBeUndefined();
  });

  test('unknown fields are counted, known ones are not', () => {
    const tally = { unknownFields: 0 };
    decodeBatch('readings', bytes(batch([reading('"sequence":1'), reading('"sequence":2')])), tally);
    expect(tally.unknownFields).toBe(0);
    const novel = [reading('"sequence":1,"novel":1'), reading('"sequence":2,"novel":1,"other":null')];
    decodeBatch('readings', bytes(batch(novel, '"sentAt":1,"more":1')), tally);
    expect(tally.unknownFields).toBe(4);
  });
});
