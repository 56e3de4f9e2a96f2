import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { LABEL_COLUMNS, readRecording, scanRecording } from '../../src/sensors/recording.ts';
import type { Sample } from '../../src/sensors/sensor-source.port.ts';
import { Tally } from '../../src/sensors/tally.ts';
import { codeOf, withFolder } from '../fixtures/conditions.ts';

const read = async (content: string, over: { timeColumn?: string; ignoreColumns?: readonly string[] } = {}) =>
  withFolder(async (folder) => {
    const file = join(folder, 'recording.csv');
    await writeFile(file, content);
    const bad = new Tally();
    const rows: Sample[] = [];
    const format = { file, ignoreColumns: LABEL_COLUMNS, ...over };
    for await (const row of readRecording(format, (reason) => bad.add(reason))) rows.push(row);
    return { rows, bad: bad.counts(), summary: await scanRecording(format) };
  });

const SKAB = 'datetime;Current;Pressure;anomaly;changepoint\r\n2020-03-09 10:14:33;1.33;0.05;0.0;0.0\r\n';
const T0 = Date.UTC(2020, 2, 9, 10, 14, 33);

describe('a recording', () => {
  it('in the format of SKAB gives its channels without the labels, in UTC', async () => {
    const { rows, bad, summary } = await read(SKAB);
    expect(rows).toEqual([{ observedAt: T0, values: { Current: 1.33, Pressure: 0.05 } }]);
    expect(bad).toEqual({});
    expect(summary).toEqual({ channels: ['Current', 'Pressure'], rows: 1, newestAt: T0 });
  });

  it.each([
    ['commas', 'timestamp,value\n2020-03-09 10:14:33,7\n'],
    ['bars', 'ts|value\n2020-03-09 10:14:33|7\n'],
    ['a time column of another name', 'value,Date Time\n7,2020-03-09 10:14:33\n'],
    ['tabs', 'ts\tvalue\n2020-03-09 10:14:33\t7\n'],
    ['epoch seconds', `time,value\n${T0 / 1_000},7\n`],
    ['epoch milliseconds', `Date,value\n${T0},7\n`],
    ['a byte order mark', '\uFEFFdatetime;value\n2020-03-09 10:14:33;7\n'],
    ['no last line end', 'datetime;value\n2020-03-09 10:14:33;7'],
    ['quotes', '"datetime";"value"\n"2020-03-09 10:14:33";"7"\n'],
    ['blank lines', '\n\ndatetime;value\n\n2020-03-09 10:14:33;7\n\n'],
    ['decimal commas', 'datetime;value\n2020-03-09 10:14:33;7,0\n'],
  ])('is read with %s', async (_what, content) => {
    expect((await read(content)).rows).toEqual([{ observedAt: T0, values: { value: 7 } }]);
  });

  it('counts rows it cannot use by reason and reads on', async () => {
    const content = [
      'datetime;a;b',
      '2020-03-09 10:14:33;1;2',
      'not a time;1;2',
      '2020-03-09 10:14:34;1',
      '2020-03-09 10:14:35;1;2;3',
      '2020-03-09 10:14:36;1;broken',
      '2020-03-09 10:14:37;;nan',
      '2020-03-09 10:14:38;1e999;-Infinity',
      '2020-03-09 10:14:39;"1"x;2',
      '2020-03-09 10:14:40;5;6',
    ].join('\n');
    const { rows, bad } = await read(content);
    expect(bad).toEqual({
      'unparseable-time': 1,
      'wrong-column-count': 2,
      'non-numeric-value': 1,
      'malformed-row': 1,
    });
    expect(rows.map(({ values }) => values)).toEqual([
      { a: 1, b: 2 },
      { a: 1, b: null },
      { a: null, b: null },
      { a: null, b: null },
      { a: 5, b: 6 },
    ]);
    expect(rows[2]?.marks).toEqual({ a: 'missing', b: 'not-finite' });
    expect(rows[3]?.marks).toEqual({ a: 'not-finite', b: 'not-finite' });
  });

  it('keeps gaps, repeated and backward stamps as they are, in file order', async () => {
    const { rows, summary } = await read('time,v\n1000000000,1\n1000000000,2\n1000000500,3\n1000000100,4\n');
    expect(rows.map(({ observedAt }) => observedAt / 1_000)).toEqual([1e9, 1e9, 1e9 + 500, 1e9 + 100]);
    expect(summary.newestAt).toBe((1e9 + 500) * 1_000);
  });

  it('can be told its time column and what to leave out', async () => {
    const { rows } = await read('when,a,b\n1000000000,1,2\n', { timeColumn: 'When', ignoreColumns: ['B'] });
    expect(rows).toEqual([{ observedAt: 1e12, values: { a: 1 } }]);
  });

  it('keeps a column named like an object prototype as data', async () => {
    const { rows } = await read('time,constructor\n1000000000,1\n');
    expect(rows[0]?.values).toEqual({ constructor: 1 });
  });

  it.each([
    ['nothing', '', 'SENSOR_FILE_EMPTY'],
    ['a header only', 'datetime;value\n', 'SENSOR_FILE_EMPTY'],
    ['bad rows only', 'datetime;value\nx;1\n', 'SENSOR_FILE_EMPTY'],
    ['no time column', 'a;b\n1;2\n', 'SENSOR_NO_TIME_COLUMN'],
    [
      'too many channels',
      `time,${Array.from({ length: 70 }, (_, index) => `c${index}`).join(',')}\n`,
      'SENSOR_TOO_WIDE',
    ],
  ])('with %s fails by name', async (_what, content, code) => {
    expect(await codeOf(read(content))).toBe(code);
  });

  it('that is not there fails by name', async () => {
    expect(await codeOf(scanRecording({ file: '/nowhere/at-all.csv', ignoreColumns: [] }))).toBe('SENSOR_FILE_MISSING');
    expect(await codeOf(withFolder((folder) => scanRecording({ file: folder, ignoreColumns: [] })))).toBe(
      'SENSOR_FILE_MISSING',
    );
  });
});
