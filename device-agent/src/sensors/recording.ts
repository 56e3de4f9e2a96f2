/** Reads any CSV with a time column, row by row, and names what it cannot use instead of stopping at it. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { BOUNDS, type ValueMark } from '@shoal/protocol/wire';
import { parse } from 'csv-parse/sync';
import { AgentError } from '../errors.ts';
import { boundedLines } from './bounded-lines.ts';
import { parseRecordedTime } from './recorded-time.ts';
import type { Sample } from './sensor-source.port.ts';

export interface RecordingFormat {
  readonly file: string;
  /** By default the first column named like a time. */
  readonly timeColumn?: string | undefined;
  /** Columns that are no channels: labels by default. */
  readonly ignoreColumns: readonly string[];
}

export type BadRowReason = 'unparseable-time' | 'wrong-column-count' | 'malformed-row' | 'non-numeric-value';
export type OnBadRow = (reason: BadRowReason) => void;

export const LABEL_COLUMNS: readonly string[] = ['anomaly', 'changepoint'];
const TIME_COLUMNS: readonly string[] = ['datetime', 'timestamp', 'time', 'ts', 'date'];
const DELIMITERS = [';', ',', '\t', '|'] as const;
/** Names that hold the word without being it: `Date Time`, `event_time`. */
const TIME_WORD = /(?:^|[^a-z])(?:date|datetime|time|timestamp)(?:[^a-z]|$)/;
const MAX_LINE_BYTES = 1_048_576;

interface Columns {
  readonly count: number;
  readonly timeIndex: number;
  readonly channels: readonly { readonly name: string; readonly index: number }[];
  readonly delimiter: string;
}

const checkReadable = async (file: string): Promise<void> => {
  const found = await stat(file).catch((cause: unknown) => {
    throw new AgentError('SENSOR_FILE_MISSING', `Cannot open the recording ${file}; check the path.`, { cause });
  });
  if (!found.isFile()) throw new AgentError('SENSOR_FILE_MISSING', `${file} is no file; check the path.`);
};

/** The separator that occurs most in the header; a comma when none does. */
const sniffDelimiter = (header: string): (typeof DELIMITERS)[number] => {
  const occurrences = (delimiter: string): number => header.split(delimiter).length - 1;
  const [best] = [...DELIMITERS].sort((a, b) => occurrences(b) - occurrences(a));
  return best !== undefined && occurrences(best) > 0 ? best : ',';
};

const timeIndexOf = (header: readonly string[], { file, timeColumn }: RecordingFormat): number => {
  const lower = header.map((name) => name.toLowerCase());
  const wanted = timeColumn === undefined ? TIME_COLUMNS : [timeColumn.toLowerCase()];
  const exact = wanted.map((name) => lower.indexOf(name)).find((found) => found >= 0);
  const index = exact ?? (timeColumn === undefined ? lower.findIndex((name) => TIME_WORD.test(name)) : -1);
  if (index >= 0) return index;
  const seen = header.slice(0, 8).join(', ');
  throw new AgentError('SENSOR_NO_TIME_COLUMN', `${file} has no column ${wanted.join(' | ')} (it has: ${seen}).`);
};

/** A line is a row: an unbalanced quote costs its own line and no other. */
const cellsOf = (line: string, delimiter: string): readonly string[] | undefined => {
  if (!line.includes('"')) return line.split(delimiter);
  try {
    const [cells] = parse(line, { delimiter, relax_column_count: true }) as string[][];
    return cells;
  } catch {
    return undefined;
  }
};

const columnsOf = (headerLine: string, format: RecordingFormat): Columns => {
  const delimiter = sniffDelimiter(headerLine);
  const header = (cellsOf(headerLine, delimiter) ?? []).map((name) => name.trim());
  const timeIndex = timeIndexOf(header, format);
  const ignored = format.ignoreColumns.map((name) => name.toLowerCase());
  const channels = header
    .map((name, index) => ({ name, index }))
    .filter(({ name, index }) => index !== timeIndex && name !== '' && !ignored.includes(name.toLowerCase()))
    .filter(({ name, index }) => header.indexOf(name) === index);
  const tooLong = channels.find(({ name }) => name.length > 64)?.name;
  if (channels.length > BOUNDS.valuesPerRecord || tooLong !== undefined) {
    const what = tooLong === undefined ? `${channels.length} channels` : `the channel name "${tooLong.slice(0, 64)}…"`;
    throw new AgentError('SENSOR_TOO_WIDE', `${format.file} has ${what}; leave columns out with "ignoreColumns".`);
  }
  return { count: header.length, timeIndex, channels, delimiter };
};

const NOT_FINITE = /^[+-]?(nan|inf(inity)?)$/i;
const DECIMAL_COMMA = /^[+-]?\d*,\d+$/;

const readValue = (cell: string, columns: Columns): { value: number | null; mark?: ValueMark; bad?: BadRowReason } => {
  const text = cell.trim();
  if (text === '') return { value: null, mark: 'missing' };
  if (NOT_FINITE.test(text)) return { value: null, mark: 'not-finite' };
  const value = Number(columns.delimiter !== ',' && DECIMAL_COMMA.test(text) ? text.replace(',', '.') : text);
  if (Number.isNaN(value)) return { value: null, mark: 'missing', bad: 'non-numeric-value' };
  return Number.isFinite(value) ? { value } : { value: null, mark: 'not-finite' };
};

/** One row as a sample in recorded time, or the reason why it is none. */
const readRow = (line: string, columns: Columns, onBadRow: OnBadRow): Sample | BadRowReason => {
  const cells = cellsOf(line, columns.delimiter);
  if (cells === undefined) return 'malformed-row';
  if (cells.length !== columns.count) return 'wrong-column-count';
  const observedAt = parseRecordedTime(cells[columns.timeIndex] ?? '');
  if (observedAt === null) return 'unparseable-time';
  const values: Record<string, number | null> = {};
  const marks: Record<string, ValueMark> = {};
  for (const { name, index } of columns.channels) {
    const { value, mark, bad } = readValue(cells[index] ?? '', columns);
    values[name] = value;
    if (mark !== undefined) marks[name] = mark;
    if (bad !== undefined) onBadRow(bad);
  }
  return Object.keys(marks).length > 0 ? { observedAt, values, marks } : { observedAt, values };
};

/**
 * @yields Rows in file order, in recorded time. Rows that are none are counted through `onBadRow` and left out; a cell that is no
 * number becomes null with a mark. Throws SENSOR_FILE_MISSING, SENSOR_FILE_EMPTY, SENSOR_NO_TIME_COLUMN, SENSOR_TOO_WIDE.
 */
export async function* readRecording(format: RecordingFormat, onBadRow: OnBadRow): AsyncGenerator<Sample> {
  await checkReadable(format.file);
  const chunks = createReadStream(format.file) as AsyncIterable<Buffer>;
  let columns: Columns | undefined;
  let rows = 0;
  for await (const line of boundedLines(chunks, MAX_LINE_BYTES, () => onBadRow('malformed-row'))) {
    if (columns === undefined) {
      columns = columnsOf(line.replace(/^\uFEFF/, ''), format);
      continue;
    }
    const row = readRow(line, columns, onBadRow);
    if (typeof row === 'string') {
      onBadRow(row);
      continue;
    }
    rows += 1;
    yield row;
  }
  if (rows === 0) throw new AgentError('SENSOR_FILE_EMPTY', `${format.file} has no row that could be read.`);
}

export interface RecordingSummary {
  readonly channels: readonly string[];
  /** Rows that `readRecording` yields. */
  readonly rows: number;
  /** The newest stamp of the recording, whichever row has it. */
  readonly newestAt: number;
}

/** One pass over the whole recording. Throws as `readRecording`. */
export const scanRecording = async (format: RecordingFormat): Promise<RecordingSummary> => {
  let summary: RecordingSummary = { channels: [], rows: 0, newestAt: -Infinity };
  for await (const { observedAt, values } of readRecording(format, () => undefined)) {
    const channels = summary.rows === 0 ? Object.keys(values) : summary.channels;
    summary = { channels, rows: summary.rows + 1, newestAt: Math.max(summary.newestAt, observedAt) };
  }
  return summary;
};
