/** Backtests over HTTP: a candidate beside the model in force, over what the fleet has already lived through. */
import { z } from 'zod';
import { entityIdSchema } from '../features/entity-view.ts';
import { instantSchema } from '../identifiers.ts';
import { MODEL_ALIASES, modelNameSchema, modelVersionNameSchema, sha256HexSchema } from './models.ts';
import { pageOf, pageQuerySchema } from './page.ts';

export const backtestIdSchema = z
  .string()
  .regex(/^b-[0-9a-f]{16}$/, 'a backtest id is "b-" and 16 hex digits')
  .meta({ id: 'BacktestId', examples: ['b-9f86d081884c7d65'] });

export const BACKTEST_STATES = ['queued', 'running', 'finished', 'failed', 'canceled'] as const;
export const backtestStateSchema = z.enum(BACKTEST_STATES).meta({ id: 'BacktestState' });
export type BacktestState = z.infer<typeof backtestStateSchema>;

const versionOrAlias = z.union([z.enum(MODEL_ALIASES), modelVersionNameSchema]);
export const BACKTEST_INCIDENTS = 10_000;

/** Something was wrong with an entity from then until then, as people know by now. */
export const backtestIncidentSchema = z
  .strictObject({ entity: entityIdSchema, from: instantSchema, to: instantSchema })
  .refine(({ from, to }) => to > from, 'an incident ends after it begins')
  .meta({ id: 'BacktestIncident' });
export type BacktestIncident = z.infer<typeof backtestIncidentSchema>;

export const backtestCreateSchema = z
  .strictObject({
    model: modelNameSchema,
    candidate: versionOrAlias.describe('Version, or alias, of a release.'),
    against: versionOrAlias.default('champion').describe('The base it is held against.'),
    days: z.int().min(1).max(366).default(7).describe('So many times 24 hours up to `until`.'),
    until: instantSchema.optional().describe('Absent: now.'),
    devices: z
      .string()
      .max(512)
      .optional()
      .describe('Of models that look at windows: labels as in the list of devices, key=value or key; absent: all.'),
    source: z.string().min(1).max(64).optional().describe('Readings of this sensor source only; absent: of every one.'),
    everyHours: z
      .int()
      .min(1)
      .max(168)
      .default(24)
      .describe('Of models of entity features: an as-of instant every so often.'),
    incidents: z
      .array(backtestIncidentSchema)
      .max(BACKTEST_INCIDENTS)
      .optional()
      .describe('Labels; absent: alarms are compared between both models alone.'),
  })
  .meta({
    id: 'BacktestCreate',
    examples: [{ model: 'pump-anomaly', candidate: '1.1.0', against: 'champion', days: 14 }],
  });
export type BacktestCreate = z.infer<typeof backtestCreateSchema>;

const rows = z.int().min(0);
const share = z.number().min(0).max(1);

const sideSchema = z
  .object({
    version: modelVersionNameSchema,
    scored: rows.describe('Verdicts.'),
    calibrating: rows.describe(
      'Windows that it learnt the normal of a device from; without a verdict, as on the device.',
    ),
    incomplete: rows.describe('Windows with too few samples.'),
    unanswered: z.record(z.string(), rows).describe('Error code → rows.'),
    uncalibrated: rows.describe('Devices that had too few windows to learn from.'),
    alarms: rows.describe('As a device raises them: one when it crosses, until it is quiet again.'),
    engineMs: z.number().min(0).describe('Time in the engine, all rows together.'),
    usPerRow: z.number().min(0).nullable().describe('Microseconds of the engine per row, in large batches.'),
    incidents: z
      .object({
        found: rows,
        missed: rows,
        falseAlarms: rows.describe('Alarms outside of every incident of their entity.'),
        medianDelayS: z.number().nullable().describe('From the beginning of an incident to its alarm.'),
      })
      .nullable()
      .describe('Null without labels.'),
  })
  .meta({ id: 'BacktestSide' });
export type BacktestSide = z.infer<typeof sideSchema>;

const valuesSchema = z
  .object({ p05: z.number(), p50: z.number(), p95: z.number() })
  .nullable()
  .describe('Quantiles, within 1 %; null without a value.');

export const backtestFiguresSchema = z
  .object({
    kind: z.enum(['windows', 'entities']),
    entities: rows.describe('That had at least one row.'),
    rows: rows.describe('Verdicts of both that were held side by side.'),
    unpaired: rows.describe('Verdicts of the base without one of the candidate to hold them against.'),
    agreement: share.nullable().describe('Same label; of models without labels, outputs that are about the same.'),
    champion: sideSchema,
    candidate: sideSchema,
    shift: z
      .array(
        z.object({ output: z.string(), psi: z.number().nullable(), champion: valuesSchema, candidate: valuesSchema }),
      )
      .describe('Population stability index by output; null: too few values to tell it from chance.'),
    maxPsi: z.number().nullable(),
    alarms: z
      .object({ shared: rows, extra: rows, missed: rows })
      .describe('Of the base with one of the candidate over them; of the candidate alone; of the base alone.'),
    incidents: z.object({ given: rows, covered: rows.describe('Of entities and times that have rows.') }).nullable(),
    daily: z.array(z.object({ day: instantSchema, rows, agreed: rows, championAlarms: rows, candidateAlarms: rows })),
    worst: z
      .array(z.object({ entity: entityIdSchema, rows, agreed: rows, extra: rows, missed: rows }))
      .describe('At most 20: where both disagree most.'),
  })
  .meta({ id: 'BacktestFigures' });
export type BacktestFigures = z.infer<typeof backtestFiguresSchema>;

const releaseSchema = z.object({ version: modelVersionNameSchema, digest: sha256HexSchema });

export const backtestSchema = z
  .object({
    backtestId: backtestIdSchema,
    model: modelNameSchema,
    candidate: releaseSchema,
    champion: releaseSchema.describe('The base, as it was when the backtest was asked for.'),
    from: instantSchema,
    to: instantSchema.describe('Half-open [from, to), event time.'),
    definition: backtestCreateSchema.omit({ incidents: true }),
    state: backtestStateSchema,
    progress: z.object({ entities: rows, expected: rows.nullable(), rows }),
    attempts: rows.describe('Times it was begun: a restart of the server begins it anew.'),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    figures: backtestFiguresSchema.nullable().describe('Null until it is finished.'),
    createdAt: instantSchema,
    createdBy: z.string(),
    startedAt: instantSchema.nullable(),
    finishedAt: instantSchema.nullable(),
  })
  .meta({ id: 'Backtest' });
export type Backtest = z.infer<typeof backtestSchema>;
export const backtestPageSchema = pageOf(backtestSchema).meta({ id: 'BacktestPage' });
export const backtestQuerySchema = pageQuerySchema.extend({
  model: modelNameSchema.optional(),
  state: backtestStateSchema.optional(),
});
export const backtestOrderSchema = z
  .strictObject({ note: z.string().max(500).default('') })
  .meta({ id: 'BacktestOrder', examples: [{ note: 'too many days' }] });
