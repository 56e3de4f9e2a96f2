/** One line of JSON as a sample: `{"observedAt": …, "values": {…}}`, or just the channels, with or without an `observedAt`. */
import { BOUNDS, type ValueMark } from '@shoal/protocol/wire';
import { z } from 'zod';
import { parseRecordedTime } from './recorded-time.ts';
import type { Sample } from './sensor-source.port.ts';

export type BadLineReason = 'not-json' | 'wrong-shape' | 'unparseable-time' | 'too-many-channels' | 'line-too-long';

// JSON.parse reads 1e999 as Infinity.
const valueSchema = z.union([z.number(), z.literal([Infinity, -Infinity]), z.null()]);
const channelsSchema = z.record(z.string().min(1).max(64), valueSchema);
const timeSchema = z.union([z.number(), z.string()]).optional();
const envelopeSchema = z.object({ observedAt: timeSchema, values: channelsSchema });

/** A flat line as an envelope; everything else as it is. */
const enveloped = (json: unknown): unknown => {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json;
  const { observedAt, ...values } = json as Record<string, unknown>;
  return observedAt === undefined ? { values } : { observedAt, values };
};

/** Numbers that JSON does not have, and that many programs print all the same. */
const BARE_NOT_FINITE = /(:\s*)(-?)(?:NaN|Infinity)(?=\s*[,}])/g;

const parseJson = (line: string): unknown => {
  for (const text of [line, line.replaceAll(BARE_NOT_FINITE, '$1$21e999')]) {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      // The next reading of the line, or none.
    }
  }
  return undefined;
};

const markOf = (value: number | null): ValueMark | undefined => {
  if (value === null) return 'missing';
  return Number.isFinite(value) ? undefined : 'not-finite';
};

/** Nulls are marked `missing`; what is not finite becomes null and is marked so. */
export const markedSample = (observedAt: number, values: Readonly<Record<string, number | null>>): Sample => {
  const channels = Object.entries(values);
  const marks: Record<string, ValueMark> = {};
  for (const [name, value] of channels) {
    const mark = markOf(value);
    if (mark !== undefined) marks[name] = mark;
  }
  if (Object.keys(marks).length === 0) return { observedAt, values };
  return { observedAt, values: Object.fromEntries(channels.map(([k, v]) => [k, k in marks ? null : v])), marks };
};

/** `now` stands in for a line without a time. */
export const parseSampleLine = (line: string, now: number): Sample | BadLineReason => {
  const json = parseJson(line);
  if (json === undefined) return 'not-json';
  const given = envelopeSchema.safeParse(json).data ?? envelopeSchema.safeParse(enveloped(json)).data;
  const channels = Object.keys(given?.values ?? {});
  if (given === undefined || channels.length === 0) return 'wrong-shape';
  if (channels.length > BOUNDS.valuesPerRecord) return 'too-many-channels';
  const observedAt = given.observedAt === undefined ? now : parseRecordedTime(String(given.observedAt));
  return observedAt === null ? 'unparseable-time' : markedSample(observedAt, given.values);
};
