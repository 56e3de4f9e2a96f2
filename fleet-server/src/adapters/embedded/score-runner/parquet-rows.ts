/** Rows out of a Parquet file, a row group at a time, with no more in memory than one of them. */
import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { parquetRead, snappyUncompress, type AsyncBuffer, type Compressors, type DecodedArray } from 'hyparquet';
import { checkGroup, columnNames, parquetFooter, unreadable } from './parquet-check.ts';

/** A few milliseconds of work. */
const SLICE_ROWS = 512;

/** Nothing unpacks to more than its header says. */
const COMPRESSORS: Compressors = {
  SNAPPY: (input, size) => {
    const output = new Uint8Array(size);
    snappyUncompress(input, output);
    return output;
  },
  GZIP: (input, size) => gunzipSync(input, { maxOutputLength: Math.max(1, size) }),
  BROTLI: (input, size) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, size) }),
  ZSTD: (input, size) => zstdDecompressSync(input, { maxOutputLength: Math.max(1, size) }),
};

const bufferOf = async (handle: FileHandle): Promise<AsyncBuffer> => {
  const { size } = await handle.stat();
  return {
    byteLength: size,
    async slice(start, end = size) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - start));
      for (let at = 0; at < bytes.length;) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) throw unreadable('it became shorter while it was read');
        at += bytesRead;
      }
      return bytes.buffer;
    },
  };
};

/** How many the footer says there are. @throws FleetError SCORING_FILE_UNREADABLE */
export const parquetRowCount = async (handle: FileHandle): Promise<number> =>
  Number((await parquetFooter(await bufferOf(handle))).num_rows);

const cellOf = (value: unknown, isEntity: boolean): unknown => {
  if (typeof value === 'bigint') return isEntity ? String(value) : Number(value);
  // Programs that know no nulls among numbers write what is missing so.
  return Number.isNaN(value) ? null : value;
};

/**
 * Cells by column, in the order of the columns; `wanted` of them, all where it is undefined. `entity` is a must.
 * @yields a row
 * @throws FleetError SCORING_FILE_UNREADABLE, also in the middle
 */
export async function* parquetRows(
  handle: FileHandle,
  entity: string,
  wanted: ReadonlySet<string> | undefined,
): AsyncGenerator<Readonly<Record<string, unknown>>> {
  const file = await bufferOf(handle);
  const metadata = await parquetFooter(file);
  const columns = columnNames(metadata, entity).filter((name) => name === entity || (wanted?.has(name) ?? true));
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    await checkGroup(file, group, columns);
    const rowEnd = rowStart + Number(group.num_rows);
    const found = new Map<string, DecodedArray[]>(columns.map((name) => [name, []]));
    try {
      await parquetRead({
        file,
        metadata,
        columns,
        rowStart,
        rowEnd,
        compressors: COMPRESSORS,
        geoparquet: false,
        onChunk: ({ columnName, columnData }) => void found.get(columnName)?.push(columnData),
      });
    } catch (cause) {
      throw unreadable(`rows ${rowStart + 1} to ${rowEnd} are damaged`, cause);
    }
    yield* rowsOf(found, rowEnd - rowStart, entity);
    rowStart = rowEnd;
  }
}

/**
 * Columns beside each other become rows.
 * @yields each
 */
async function* rowsOf(
  found: ReadonlyMap<string, readonly DecodedArray[]>,
  count: number,
  entity: string,
): AsyncGenerator<Readonly<Record<string, unknown>>> {
  const columns = [...found].map(([name, parts]) => ({ name, cells: cellsOf(parts) }));
  for (let row = 0; row < count; row += 1) {
    if (row % SLICE_ROWS === SLICE_ROWS - 1) await setImmediate();
    yield Object.fromEntries(columns.map(({ name, cells }) => [name, cellOf(cells.next().value, name === entity)]));
  }
}

/** @yields each cell */
function* cellsOf(parts: readonly DecodedArray[]): Generator<unknown, undefined> {
  for (const part of parts) yield* part;
  return undefined;
}
