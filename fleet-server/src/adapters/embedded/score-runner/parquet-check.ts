/**
 * Whether a Parquet file is one that can be read in bounded memory: what its footer and the headers of its pages promise is looked at
 * before anything is made room for, since a decoder believes both.
 */
import { parquetMetadataAsync, type AsyncBuffer, type FileMetaData } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { FleetError } from '../../../errors.ts';

type ColumnChunk = NonNullable<FileMetaData['row_groups'][number]['columns'][number]['meta_data']>;

const MAX_FOOTER_BYTES = 16_777_216;
/** What Arrow writes by default. */
const MAX_GROUP_ROWS = 1_048_576;
/** Of the columns that are read, unpacked. */
const MAX_GROUP_BYTES = 268_435_456;
const MAX_PAGE_BYTES = 67_108_864;
const TAIL_BYTES = 8;
/** `PAR1`, little-endian. */
const MAGIC = 0x31524150;
const CODECS: ReadonlySet<string> = new Set(['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI', 'ZSTD']);

export const unreadable = (reason: string, cause?: unknown): FleetError =>
  new FleetError('SCORING_FILE_UNREADABLE', `The Parquet file cannot be read: ${reason}.`, { cause });

const refuseUnless = (holds: boolean, reason: string): void => {
  if (!holds) throw unreadable(reason);
};

/** @throws FleetError SCORING_FILE_UNREADABLE */
export const parquetFooter = async (file: AsyncBuffer): Promise<FileMetaData> => {
  refuseUnless(file.byteLength > TAIL_BYTES, 'it is too short to be one');
  const tail = new DataView(await file.slice(file.byteLength - TAIL_BYTES, file.byteLength));
  refuseUnless(tail.getUint32(4, true) === MAGIC, 'it does not end as one');
  const footerBytes = tail.getUint32(0, true);
  refuseUnless(footerBytes + TAIL_BYTES <= file.byteLength, 'it is cut off');
  refuseUnless(footerBytes <= MAX_FOOTER_BYTES, `its footer has ${footerBytes} bytes, at most ${MAX_FOOTER_BYTES}`);
  try {
    return await parquetMetadataAsync(file, { geoparquet: false });
  } catch (cause) {
    throw unreadable('its footer is damaged', cause);
  }
};

/** Of a file with one value a row and column. @throws FleetError SCORING_FILE_UNREADABLE */
export const columnNames = ({ schema, row_groups: groups }: FileMetaData, needed: string): readonly string[] => {
  const [root, ...columns] = schema;
  refuseUnless(root?.num_children === columns.length, 'it has columns within columns');
  const nested = columns.find(
    ({ num_children: children, repetition_type: repeated }) => (children ?? 0) > 0 || repeated === 'REPEATED',
  );
  refuseUnless(nested === undefined, `column ${nested?.name ?? ''} holds more than one value a row`);
  const names = columns.map(({ name }) => name);
  refuseUnless(new Set(names).size === names.length, 'two columns have the same name');
  refuseUnless(names.includes(needed), `it has no column "${needed}"`);
  for (const { columns: chunks } of groups) {
    const found = chunks.map(({ meta_data: chunk }) => chunk?.path_in_schema.join('.'));
    refuseUnless(found.join('\n') === names.join('\n'), 'a row group has other columns than the file');
  }
  return names;
};

/** Before one row group is read. @throws FleetError SCORING_FILE_UNREADABLE */
export const checkGroup = async (
  file: AsyncBuffer,
  { num_rows: count, columns }: FileMetaData['row_groups'][number],
  wanted: readonly string[],
): Promise<void> => {
  const rows = Number(count);
  refuseUnless(rows >= 0 && rows <= MAX_GROUP_ROWS, `a row group has ${rows} rows, at most ${MAX_GROUP_ROWS}`);
  let bytes = 0;
  for (const { meta_data: chunk, file_path: elsewhere } of columns) {
    if (chunk === undefined || !wanted.includes(chunk.path_in_schema[0] ?? '')) continue;
    refuseUnless(elsewhere === undefined, 'a column lies in another file');
    bytes += await checkedBytes(file, chunk, rows);
    refuseUnless(bytes <= MAX_GROUP_BYTES, `a row group has more than ${MAX_GROUP_BYTES} bytes; write smaller ones`);
  }
};

/** Of all pages, unpacked. */
const checkedBytes = async (file: AsyncBuffer, chunk: ColumnChunk, rows: number): Promise<number> => {
  const name = chunk.path_in_schema.join('.');
  refuseUnless(CODECS.has(chunk.codec), `column ${name} is packed with ${chunk.codec}`);
  const start = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset);
  const length = Number(chunk.total_compressed_size);
  const isInside = start >= 0 && length >= 0 && start + length <= file.byteLength;
  refuseUnless(isInside && length <= MAX_GROUP_BYTES, `column ${name} lies outside of the file`);
  const reader = { view: new DataView(await file.slice(start, start + length)), offset: 0 };
  let [bytes, values] = [0, 0];
  // As the decoder walks them: a last byte is no page.
  while (values < rows && reader.offset < length - 1) {
    const header = headerOf(reader, name);
    const {
      compressed_page_size: packed,
      uncompressed_page_size: unpacked,
      dictionary_page_header: dictionary,
    } = header;
    const data = header.data_page_header ?? header.data_page_header_v2;
    const count = (dictionary ?? data)?.num_values ?? -1;
    const isWhole = packed >= 0 && reader.offset + packed <= length && unpacked >= 0 && count >= 0 && count <= rows;
    refuseUnless(isWhole && unpacked <= MAX_PAGE_BYTES, `a page of column ${name} is damaged, or too large`);
    reader.offset += packed;
    bytes += unpacked;
    values += dictionary === undefined ? count : 0;
  }
  refuseUnless(values === rows, `column ${name} has ${values} of ${rows} values`);
  return bytes;
};

const headerOf = (
  reader: { view: DataView<ArrayBuffer>; offset: number },
  name: string,
): ReturnType<typeof parquetHeader> => {
  try {
    return parquetHeader(reader);
  } catch (cause) {
    throw unreadable(`a page of column ${name} is damaged`, cause);
  }
};
