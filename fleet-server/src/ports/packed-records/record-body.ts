/**
 * What is stored of a record beside its key: a reading as the doubles of its channels, whose names are in a dictionary
 * of shapes; anything else as JSON.
 */
import type { AnyRecord, Reading, RecordKind, ValueMark } from '@shoal/protocol';

const BYTES_PER_VALUE = 8;

/** Source and channels of a reading, in the order of its values. */
export interface Shape {
  readonly source: string;
  readonly channels: readonly string[];
}

export const shapeKey = (shape: Shape): string => JSON.stringify([shape.source, ...shape.channels]);

export const parseShape = (key: string): Shape => {
  const [source = '', ...channels] = JSON.parse(key) as string[];
  return { source, channels };
};

/**
 * Writes doubles (little-endian; NaN is `null`, which no JSON number can be) and then the marks as JSON.
 * @returns bytes written
 */
export const writeReading = (target: Buffer, offset: number, reading: Reading, shape: Shape): number => {
  let end = offset;
  for (const channel of shape.channels) {
    end = target.writeDoubleLE(reading.values[channel] ?? Number.NaN, end);
  }
  if (reading.marks !== undefined) end += target.write(JSON.stringify(reading.marks), end, 'utf8');
  return end - offset;
};

/** Everything of a prediction or event but what the key and its row hold. */
export const recordJson = (record: AnyRecord): string => {
  const { sequence: _sequence, observedAt: _observedAt, ...rest } = record;
  return JSON.stringify(rest);
};

export interface StoredBody {
  readonly sequence: number;
  readonly observedAt: number;
  readonly shape: Shape | undefined;
  readonly body: Uint8Array;
}

/** The record as it was sent. */
export const readRecord = (kind: RecordKind, stored: StoredBody): AnyRecord => {
  const { sequence, observedAt } = stored;
  const body = Buffer.from(stored.body.buffer, stored.body.byteOffset, stored.body.byteLength);
  if (kind !== 'readings' || stored.shape === undefined) {
    return { sequence, observedAt, ...(JSON.parse(body.toString('utf8')) as object) } as AnyRecord;
  }
  const { source, channels } = stored.shape;
  const values: Record<string, number | null> = {};
  let offset = 0;
  for (const channel of channels) {
    const value = body.readDoubleLE(offset);
    values[channel] = Number.isNaN(value) ? null : value;
    offset += BYTES_PER_VALUE;
  }
  const reading = { sequence, observedAt, source, values };
  if (offset === body.length) return reading;
  return { ...reading, marks: JSON.parse(body.toString('utf8', offset)) as Record<string, ValueMark> };
};
