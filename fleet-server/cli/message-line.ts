/** One public message as a line that people read; what this version does not know stays JSON. */
import {
  alertSchema,
  fleetSummarySchema,
  predictionTicketSchema,
  ProtocolError,
  parseTopic,
  storedEventSchema,
  storedPredictionSchema,
  storedReadingSchema,
  TOPIC_ROOT,
  windowResultSchema,
  type Alert,
  type FleetSummary,
  type ParsedTopic,
  type PredictionTicket,
  type RecordKind,
  type StoredEvent,
  type StoredPrediction,
  type StoredReading,
  type WindowResult,
} from '@shoal/protocol';
import type { z } from 'zod';
import { instantText } from './moments.ts';

type Line = (content: unknown) => string | undefined;

/** The line of what the schema accepts. */
const lineOf =
  <T>(schema: z.ZodType<T>, words: (content: T) => readonly (string | null | undefined)[]): Line =>
  (content) => {
    const parsed = schema.safeParse(content);
    if (!parsed.success) return undefined;
    return words(parsed.data)
      .filter((word) => word !== null && word !== undefined && word !== '')
      .join(' ');
  };

const short = (value: unknown): string =>
  typeof value === 'number' ? String(Number(value.toPrecision(6))) : typeof value === 'string' ? value : '-';

const pairs = (values: Readonly<Record<string, unknown>>): string =>
  Object.entries(values)
    .map(([name, value]) =>
      typeof value === 'object' && value !== null
        ? pairs(Object.fromEntries(Object.entries(value).map(([part, inner]) => [`${name}.${part}`, inner])))
        : `${name}=${short(value)}`,
    )
    .join(' ');

const reading = ({ deviceId, source, values }: StoredReading) => [deviceId, source, pairs(values)];
const prediction = ({ deviceId, model, outputs, label, source }: StoredPrediction) => [
  deviceId,
  `${model.name}@${model.version}`,
  pairs(outputs),
  label,
  `(${source})`,
];
const event = ({ deviceId, severity, kind, message }: StoredEvent) => [deviceId, severity, kind, message];
const window = ({ stream, key, startAt, endAt, state, revision, records, values }: WindowResult) => [
  stream,
  key,
  `${instantText(startAt)} to ${instantText(endAt)}`,
  revision > 1 ? `${state}, revision ${revision}:` : `${state}:`,
  `${records} records`,
  pairs(values),
];
const ticket = ({ id, state, model, entity, answer, error }: PredictionTicket) => [
  id,
  state,
  model,
  entity,
  answer === null ? undefined : JSON.stringify(answer.prediction),
  error?.code,
];
const alert = ({ alertId, severity, rule, state, key, value, acknowledgedBy, resolution }: Alert) => [
  alertId,
  severity,
  rule,
  state,
  key,
  `value=${short(value)}`,
  acknowledgedBy === null ? undefined : `acknowledged by ${acknowledgedBy}`,
  resolution === null ? undefined : `(${resolution})`,
];
const summary = ({ devices, rates, totals }: FleetSummary) => [
  `${devices.total} devices:`,
  pairs(devices.byState),
  `records/s=${short(rates.records)} predictions/s=${short(rates.predictions)}`,
  `stored=${totals.records} dead-letters=${totals.deadLetters}`,
];

const LIVE: { readonly [K in RecordKind]: Line } = {
  readings: lineOf(storedReadingSchema, reading),
  predictions: lineOf(storedPredictionSchema, prediction),
  events: lineOf(storedEventSchema, event),
};
const PUBLIC = {
  window: lineOf(windowResultSchema, window),
  prediction: lineOf(predictionTicketSchema, ticket),
  alert: lineOf(alertSchema, alert),
  'fleet-summary': lineOf(fleetSummarySchema, summary),
};
const lines = new Map<string, Line>(Object.entries(PUBLIC));

const parsed = (topic: string): ParsedTopic | undefined => {
  try {
    return parseTopic(topic);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
};

/** What the topic is about, and the message on it. */
export const messageLine = (topic: string, content: unknown): { readonly about: string; readonly text: string } => {
  const known = parsed(topic);
  const line = known?.what === 'live' ? LIVE[known.kind] : lines.get(known?.what ?? '');
  const text = line?.(content);
  if (known !== undefined && text !== undefined)
    return { about: known.what === 'live' ? known.kind : known.what, text };
  const about = topic.startsWith(`${TOPIC_ROOT}/`) ? topic.slice(TOPIC_ROOT.length + 1) : topic;
  return { about, text: JSON.stringify(content) };
};
