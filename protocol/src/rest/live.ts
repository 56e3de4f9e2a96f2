/** What moves: the server-sent events of `/api/live`, each with an id that `Last-Event-ID` resumes from. */
import { z } from 'zod';
import { alertSchema } from './alerts.ts';
import { deviceSchema, deviceCommandSchema } from './devices.ts';
import { fleetSummarySchema } from './overview.ts';
import { predictionTicketSchema } from './predictions.ts';
import { windowResultSchema } from './streams.ts';
import { rolloutSchema } from './rollouts.ts';
import { storedEventSchema, storedPredictionSchema, storedReadingSchema } from './telemetry.ts';

export const liveQuerySchema = z.object({
  deviceId: z.string().max(63).optional().describe('One device, or all.'),
  topics: z
    .string()
    .max(128)
    .optional()
    .describe(
      'Comma-separated of readings,predictions,events,devices,commands,windows,tickets,alerts,rollouts,summary; absent means devices,summary,events.',
    ),
});

/** The `event:` field names and the JSON of their `data:`. */
export const liveEventSchemas = {
  readings: storedReadingSchema,
  predictions: storedPredictionSchema,
  events: storedEventSchema,
  devices: deviceSchema,
  commands: deviceCommandSchema,
  windows: windowResultSchema,
  tickets: predictionTicketSchema,
  alerts: alertSchema,
  rollouts: rolloutSchema,
  summary: fleetSummarySchema,
} as const;
export type LiveTopic = keyof typeof liveEventSchemas;
