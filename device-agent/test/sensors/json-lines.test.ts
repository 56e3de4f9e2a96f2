import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { silentLogger, systemClock } from '../../src/runtime.ts';
import { JsonLinesSource, type JsonLinesOptions } from '../../src/sensors/json-lines.ts';
import { parseSampleLine } from '../../src/sensors/json-sample.ts';
import type { Sample } from '../../src/sensors/sensor-source.port.ts';

const source = (from: JsonLinesOptions['from'], restartPauseMs = () => 1): JsonLinesSource =>
  new JsonLinesSource({
    name: 'pump',
    from,
    maxLineBytes: 200,
    restartPauseMs,
    clock: systemClock,
    logger: silentLogger(),
  });

const take = async (lines: JsonLinesSource, count: number): Promise<Sample[]> => {
  const ending = new AbortController();
  const samples: Sample[] = [];
  for await (const sample of lines.samples(ending.signal)) {
    samples.push(sample);
    if (samples.length === count) ending.abort();
  }
  return samples;
};

const node = (script: string): JsonLinesOptions['from'] => ({ command: process.execPath, args: ['-e', script] });

describe('a source of JSON lines', () => {
  it('takes enveloped and flat lines, whatever the chunks are', async () => {
    const text =
      '{"observedAt":1700000000000,"values":{"a":1,"b":null}}\n{"a":2}\r\n\n{"observedAt":"2023-11-14T22:13:20Z","values":{"a":3}}';
    const lines = source({ stream: Readable.from(Array.from(Buffer.from(text), (byte) => Buffer.of(byte))) });
    const samples = await take(lines, 99);
    expect(samples.map(({ values }) => values['a'])).toEqual([1, 2, 3]);
    expect(samples[0]).toEqual({ observedAt: 1_700_000_000_000, values: { a: 1, b: null }, marks: { b: 'missing' } });
    expect(samples[2]?.observedAt).toBe(1_700_000_000_000);
  });

  it.each([
    ['{"observedAt":1700000000000,"a":1}', { observedAt: 1_700_000_000_000, values: { a: 1 } }],
    ['{"observedAt":"2023-11-14T22:13:20Z","a":1}', { observedAt: 1_700_000_000_000, values: { a: 1 } }],
    [
      '{"observedAt":1,"values":{"a":NaN,"b":-Infinity,"c":1e999,"d":2}}',
      {
        observedAt: 1_000,
        values: { a: null, b: null, c: null, d: 2 },
        marks: { a: 'not-finite', b: 'not-finite', c: 'not-finite' },
      },
    ],
  ])('reads %s', (line, sample) => {
    expect(parseSampleLine(line, 0)).toEqual(sample);
  });

  it('counts what it cannot use by reason, holds no more than one bounded line, and reads on', async () => {
    const text = [
      'nonsense',
      '[]',
      '{"a":"x"}',
      '{"values":{}}',
      '{"observedAt":"never","values":{"a":1}}',
      `{"a":${'1'.repeat(5_000)}}`,
      '{"a":4}',
    ];
    const lines = source({ stream: Readable.from([Buffer.from(`${text.join('\n')}\n`)]) });
    expect((await take(lines, 99)).map(({ values }) => values)).toEqual([{ a: 4 }]);
    expect(lines.report()).toMatchObject({
      rowsRead: 7,
      bad: { 'not-json': 1, 'wrong-shape': 3, 'unparseable-time': 1, 'line-too-long': 1 },
    });
  });

  it('starts a child that crashed again', async () => {
    const lines = source(node('console.log(JSON.stringify({ a: process.pid })); process.exit(3)'));
    const samples = await take(lines, 3);
    expect(new Set(samples.map(({ values }) => values['a'])).size).toBe(3);
    expect(lines.report().bad['process-ended']).toBe(2);
  }, 30_000);

  it('goes on trying a program that is not there, with growing pauses', async () => {
    const attempts: number[] = [];
    const ending = new AbortController();
    const lines = source({ command: '/nowhere/read-pump', args: [] }, (...[attempt]: number[]) => {
      attempts.push(attempt ?? -1);
      if (attempts.length === 3) ending.abort();
      return 1;
    });
    for await (const sample of lines.samples(ending.signal)) expect(sample).toBeUndefined();
    expect(attempts).toEqual([1, 2, 3]);
  });

  it('ends its child when it is told to end', async () => {
    const lines = source(node('console.log(JSON.stringify({ a: process.pid })); setInterval(() => {}, 1000)'));
    const [sample] = await take(lines, 1);
    const pid = sample?.values['a'] ?? 0;
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  }, 30_000);
});
