/** What a backtest must have shown before a rollout of its candidate begins. */
import { z } from 'zod';

const count = z.int().min(0).optional();

/** Limits that are absent hold always. One that needs what the backtest could not measure does not hold. */
export const backtestGateSchema = z
  .strictObject({
    against: z
      .string()
      .min(1)
      .max(63)
      .default('champion')
      .describe('Alias or version of the base: the last finished backtest of exactly this release against it counts.'),
    minRows: z.int().min(1).default(1).describe('Verdicts of both that were held side by side.'),
    maxAgeHours: z.number().positive().max(87_600).optional().describe('Since the backtest finished.'),
    minAgreement: z.number().min(0).max(1).optional().describe('Share of those on which both said the same.'),
    maxPsi: z.number().min(0).optional().describe('Of the output that shifted most.'),
    maxExtraAlarms: count.describe('Alarms of the candidate where the base raised none.'),
    maxMissedAlarms: count.describe('Alarms of the base where the candidate raised none.'),
    maxMissedIncidents: count.describe('Labelled incidents that the candidate raised no alarm in.'),
    maxFalseAlarms: count.describe('Alarms of the candidate outside of every labelled incident.'),
    maxCostRatio: z
      .number()
      .positive()
      .optional()
      .describe('Engine time per row of the candidate over that of the base.'),
  })
  .meta({ id: 'BacktestGate', examples: [{ minAgreement: 0.98, maxExtraAlarms: 3 }] });
export type BacktestGate = z.infer<typeof backtestGateSchema>;
