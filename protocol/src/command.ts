/** Commands to one device: at most once in effect (the command id is remembered), with acknowledgement, outcome and expiry. */
import { z } from 'zod';
import { instantSchema, requestIdSchema } from './identifiers.ts';
import { jsonObjectSchema } from './twin.ts';

export const COMMAND_NAMES = ['ping', 'diagnostics', 'restart-engine', 'calibrate', 'self-test', 'bench'] as const;
export const commandNameSchema = z.enum(COMMAND_NAMES).meta({ id: 'CommandName' });
export type CommandName = z.infer<typeof commandNameSchema>;

/** Published on `down/command/{name}/{commandId}`. */
export const commandSchema = z
  .object({
    v: z.literal(1),
    commandId: requestIdSchema,
    name: commandNameSchema,
    expiresAt: instantSchema.describe(
      "By the server's clock; a device that gets it later answers expired and does nothing.",
    ),
    parameters: jsonObjectSchema.optional(),
  })
  .meta({ id: 'Command', examples: [{ v: 1, commandId: 'k-1', name: 'ping', expiresAt: 1760000030000 }] });
export type Command = z.infer<typeof commandSchema>;

export const commandStateSchema = z
  .enum(['queued', 'sent', 'acknowledged', 'succeeded', 'failed', 'expired', 'unsupported'])
  .meta({ id: 'CommandState' });
export type CommandState = z.infer<typeof commandStateSchema>;

/** Published on `up/command/{commandId}`: first `acknowledged`, then one final state. */
export const commandOutcomeSchema = z
  .object({
    v: z.literal(1),
    commandId: requestIdSchema,
    state: z.enum(['acknowledged', 'succeeded', 'failed', 'expired', 'unsupported']),
    at: instantSchema,
    result: jsonObjectSchema.optional(),
    error: z
      .object({ code: z.string().max(64), message: z.string().max(1_024) })
      .optional()
      .describe('Present when state is failed.'),
  })
  .meta({
    id: 'CommandOutcome',
    examples: [{ v: 1, commandId: 'k-1', state: 'succeeded', at: 1760000000789, result: { uptimeMs: 81000 } }],
  });
export type CommandOutcome = z.infer<typeof commandOutcomeSchema>;
