/** One line of JSON as a sample: `{"observedAt": …, "values": {…}}`, or just the channels. */
import { BOUNDS, type ValueMark } from '@shoal/protocol';
import { z } from 'zod';
import { parseRecordedTime } from './recorded-time.ts';
import type { Sample } from './sensor-source.port.ts';

export type BadLineReason = 'not-json' | 'wrong-shape' | 'unparseable-time' | 'too-many-channels' | 'line-too-long';

const valueSchema = z.union([z.number(), z.null()]);
const channelsSchema = z.record(z.string().min(1).max(64), valueSchema);
const envelopeSchema = z.object({
  observedAt: z.union([z.number(), z.string()]).optional(),
  values: channelsSchema,
});

const parseJson = (line: string): unknown => {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
};

/** `now` stands in for a line without a time. Nulls are marked `missing`. */
export const parseSampleLine = (line: string, now: number): Sample | BadLineReason => {
  const json = parseJson(line);
  if (json === undefined) return 'not-json';
  const enveloped = envelopeSchema.safeParse(json);
  const flat = enveloped.success ? undefined : channelsSchema.safeParse(json);
  const values = enveloped.success ? enveloped.data.values : flat?.data;
  if (values === undefined || Object.keys(values).length === 0) return 'wrong-shape';
  if (Object.keys(values).length > BOUNDS.valuesPerRecord) return 'too-many-channels';
  const time = enveloped.success ? enveloped.data.observedAt : undefined;
  const observedAt = time === undefined ? now : parseRecordedTime(String(time));
  if (observedAt === null) return 'unparseable-time';
  const missing = Object.keys(values).filter((channel) => values[channel] === null);
  if (missing.length === 0) return { observedAt, values };
  return {
    observedAt,
    values,
    marks: Object.fromEntries(missing.map((name): [string, ValueMark] => [name, 'missing'])),
  };
};
