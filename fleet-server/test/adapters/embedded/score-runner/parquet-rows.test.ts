/** Entities out of Parquet files: whatever they are packed with, and with a name for what is wrong with them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parquetWriteBuffer, type ColumnSource } from 'hyparquet-writer';
import { readParquet } from '../../../../src/adapters/embedded/score-runner/parquet-reader.ts';
import { parquetRowCount } from '../../../../src/adapters/embedded/score-runner/parquet-rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'shoal-parquet-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ROWS = 700;
/** A decoder that loops is given up after this. */
const LOOP_MS = 3_000;
const numbers = Array.from({ length: ROWS }, (_, row) => row / 8);
const COLUMNS: ColumnSource[] = [
  { name: 'entity', data: numbers.map((_, row) => `e-${row}`), type: 'STRING' },
  { name: 'wide', data: numbers, type: 'DOUBLE' },
  { name: 'single', data: numbers.map((value, row) => (row % 7 === 0 ? Number.NaN : value)), type: 'FLOAT' },
  { name: 'count', data: numbers.map((_, row) => BigInt(row) * 3n), type: 'INT64' },
  { name: 'some', data: numbers.map((value, row) => (row % 5 === 0 ? null : value)), type: 'DOUBLE' },
  { name: 'flag', data: numbers.map((_, row) => row % 2 === 0), type: 'BOOLEAN' },
];
const rowOf = (row: number): object => ({
  entity: `e-${row}`,
  wide: row / 8,
  single: row % 7 === 0 ? null : row / 8,
  count: row * 3,
  some: row % 5 === 0 ? null : row / 8,
  flag: row % 2 === 0,
});

let files = 0;
const fileOf = (bytes: Uint8Array): string => {
  const path = join(folder, `${(files += 1)}.parquet`);
  writeFileSync(path, bytes);
  return path;
};
const write = (options: Partial<Parameters<typeof parquetWriteBuffer>[0]> = {}): Uint8Array =>
  new Uint8Array(parquetWriteBuffer({ columnData: COLUMNS, rowGroupSize: 300, ...options }));
const read = async (bytes: Uint8Array, wanted?: ReadonlySet<string>, patienceMs?: number): Promise<object[]> => {
  const rows: object[] = [];
  const source = { path: fileOf(bytes), entity: 'entity', wanted };
  for await (const row of readParquet(source, patienceMs)) rows.push(row);
  return rows;
};
const faultOf = async (bytes: Uint8Array): Promise<string> => {
  const error = await read(bytes).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  const { code, message } = (error ?? {}) as { code?: string; message?: string };
  expect(code).toBe('SCORING_FILE_UNREADABLE');
  return message ?? '';
};

test('Rows come as they were written, over row groups, with every way of packing', async () => {
  const expected = numbers.map((_, row) => rowOf(row));
  expect(await read(write())).toEqual(expected);
  expect(await read(write({ codec: 'UNCOMPRESSED' }))).toEqual(expected);
  const compressors = {
    GZIP: (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes)),
    BROTLI: (bytes: Uint8Array) => new Uint8Array(brotliCompressSync(bytes)),
    ZSTD: (bytes: Uint8Array) => new Uint8Array(zstdCompressSync(bytes)),
  };
  for (const codec of ['GZIP', 'BROTLI', 'ZSTD'] as const)
    expect(await read(write({ codec, compressors }))).toEqual(expected);
  const some = await read(write(), new Set(['count']));
  expect(some[9]).toEqual({ entity: 'e-9', count: 27 });
  const handle = await open(fileOf(write()));
  expect(await parquetRowCount(handle)).toBe(ROWS);
  await handle.close();
});

test('What is wrong with a file has a name', async () => {
  const whole = write();
  expect(await faultOf(Buffer.from('entity,f0\n'))).toContain('does not end as one');
  expect(await faultOf(new Uint8Array(3))).toContain('too short');
  expect(await faultOf(whole.subarray(whole.length - 60))).toContain('cut off');
  const others = COLUMNS.filter(({ name }) => name !== 'entity');
  expect(await faultOf(write({ columnData: others }))).toContain('no column "entity"');
  const nested = write({
    columnData: [
      { name: 'entity', data: ['a', 'b'] },
      { name: 'list', data: [[1, 2], [3]] },
    ],
    schema: [
      { name: 'root', num_children: 2 },
      { name: 'entity', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
      { name: 'list', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', type: 'DOUBLE', repetition_type: 'OPTIONAL' },
    ],
  });
  expect(await faultOf(nested)).toContain('columns within columns');
  const LZ4 = (bytes: Uint8Array): Uint8Array => bytes;
  expect(await faultOf(write({ codec: 'LZ4', compressors: { LZ4 } }))).toContain('packed with LZ4');
});

describe('a file with damaged bytes', () => {
  const columnData = [
    { name: 'entity', data: ['a', 'b', 'c', 'd'], type: 'STRING' as const },
    { name: 'flag', data: [true, false, true, true], type: 'BOOLEAN' as const },
  ];
  const whole = write({ columnData, codec: 'UNCOMPRESSED' });
  const endOf = (
    bytes: readonly (readonly [at: number, value: number])[],
  ): Promise<{ code: string; message: string }> => {
    const damaged = Uint8Array.from(whole);
    for (const [at, value] of bytes) damaged[at] = value;
    return read(damaged, undefined, LOOP_MS).then(
      () => ({ code: 'read', message: '' }),
      (error: { code: string; message: string }) => error,
    );
  };

  test('is read, or refused with its code, and nothing else', async () => {
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(damage, async (bytes) => {
        expect(['read', 'SCORING_FILE_UNREADABLE']).toContain((await endOf(bytes)).code);
      }),
      { numRuns: 25 },
    );
  }, 240_000);

  test('that would keep its decoder busy for ever is given up', async () => {
    expect((await endOf([[15, 0]])).message).toContain('it comes to no end');
  }, 60_000);
});
