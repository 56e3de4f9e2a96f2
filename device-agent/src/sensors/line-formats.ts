/** How one line of text becomes a sample: JSON, key=value pairs, or columns declared beforehand. */
import { BOUNDS } from '@shoal/protocol/wire';
import { markedSample, parseSampleLine, type BadLineReason } from './json-sample.ts';
import type { Sample } from './sensor-source.port.ts';

export type LineParser = (line: string, now: number) => Sample | BadLineReason;

export type LineFormat =
  | { readonly kind: 'json' }
  | { readonly kind: 'key-value' }
  | { readonly kind: 'csv'; readonly columns: readonly string[]; readonly delimiter: string };

/** Empty text is no value; a word that is no number makes the line unusable. Undefined for the latter. */
const cell = (text: string): number | null | undefined => {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  if (/^[-+]?(nan|inf(inity)?)$/i.test(trimmed)) return Number.NaN;
  const value = Number(trimmed);
  return Number.isNaN(value) ? undefined : value;
};

const sampleOf = (cells: readonly (readonly [string, string])[], now: number): Sample | BadLineReason => {
  if (cells.length === 0) return 'wrong-shape';
  if (cells.length > BOUNDS.valuesPerRecord) return 'too-many-channels';
  const values: Record<string, number | null> = {};
  for (const [name, text] of cells) {
    const value = cell(text);
    if (value === undefined || name === '' || name.length > 64) return 'wrong-shape';
    values[name] = value;
  }
  return markedSample(now, values);
};

/** `temperature=21.5 humidity=40`, parted by spaces, commas or semicolons. */
const parseKeyValue: LineParser = (line, now) => {
  const pairs = line
    .trim()
    .split(/[\s,;]+/)
    .filter((word) => word !== '');
  const cells = pairs.map((pair) => {
    const at = pair.indexOf('=');
    return at < 1 ? (['', pair] as const) : ([pair.slice(0, at), pair.slice(at + 1)] as const);
  });
  return sampleOf(cells, now);
};

/** As many columns as were declared, no fewer and no more: half a line would put values under the wrong names. */
const parseColumns =
  (columns: readonly string[], delimiter: string): LineParser =>
  (line, now) => {
    const texts = line.split(delimiter);
    if (texts.length !== columns.length) return 'wrong-shape';
    const cells = columns.map((name, index) => [name, texts[index] ?? ''] as const);
    return sampleOf(
      cells.filter(([name]) => name !== ''),
      now,
    );
  };

export const lineParser = (format: LineFormat): LineParser => {
  switch (format.kind) {
    case 'json':
      return parseSampleLine;
    case 'key-value':
      return parseKeyValue;
    case 'csv':
      return parseColumns(format.columns, format.delimiter);
  }
};
