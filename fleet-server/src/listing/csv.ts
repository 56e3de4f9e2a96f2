/** CSV as RFC 4180 has it, safe to open in a spreadsheet. */

export type CsvValue = string | number | boolean | null | undefined;

/** One column of an export: stable name, value of one item. Objects are given as JSON text by the column. */
export interface Column<T> {
  readonly name: string;
  readonly value: (item: T) => CsvValue;
}

/** A spreadsheet runs what starts like this (OWASP "CSV Injection"); a leading apostrophe makes it text. */
const FORMULA_START = /^[=+\-@\t\r]/;
const NEEDS_QUOTES = /[",\r\n]/;

/** RFC 4180 2.5–2.7: quoted when it holds a comma, a quote or a line break; quotes doubled. Numbers stay numbers. */
export const csvField = (value: CsvValue): string => {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  const inert = FORMULA_START.test(value) ? `'${value}` : value;
  return NEEDS_QUOTES.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
};

/** One record with its CRLF (RFC 4180 2.1). */
export const csvLine = (values: readonly CsvValue[]): string => `${values.map(csvField).join(',')}\r\n`;

export const csvHeader = <T>(columns: readonly Column<T>[]): string => csvLine(columns.map((column) => column.name));

export const csvRow = <T>(columns: readonly Column<T>[], item: T): string =>
  csvLine(columns.map((column) => column.value(item)));
