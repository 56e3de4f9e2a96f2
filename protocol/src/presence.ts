/** Presence: the birth a device publishes after every connect, and the last will the broker publishes for it. */
import { z } from 'zod';
import { epochSchema, instantSchema } from './identifiers.ts';
import { modelReferenceSchema } from './records/prediction.ts';

/** New for every connection; a late will of an older connection is recognised by it and ignored. */
const connectionIdSchema = z.string().min(1).max(64);

export const birthSchema = z
  .object({
    v: z.literal(1),
    state: z.literal('online'),
    connectionId: connectionIdSchema,
    epoch: epochSchema.describe(
      'The epoch of the outbox in use; the reply to the birth tells how far the server has it.',
    ),
    agentVersion: z.string().max(64),
    hardwareClass: z.string().max(64).describe('For example raspberry-pi-4, linux-x64, light-simulator.'),
    models: z.array(modelReferenceSchema).max(64),
    startedAt: instantSchema,
    twinVersion: z
      .int()
      .min(0)
      .describe('The twin version the device has applied; the server sends the delta when it is behind.'),
  })
  .meta({
    id: 'Birth',
    examples: [
      {
        v: 1,
        state: 'online',
        connectionId: 'c-5d1e',
        epoch: '9f86d081884c7d659a2f',
        agentVersion: '0.1.0',
        hardwareClass: 'linux-x64',
        models: [{ name: 'pump-anomaly', version: '1.0.0' }],
        startedAt: 1760000000000,
        twinVersion: 0,
      },
    ],
  });
export type Birth = z.infer<typeof birthSchema>;

export const willSchema = z
  .object({
    v: z.literal(1),
    state: z.literal('offline'),
    connectionId: connectionIdSchema,
    reason: z.enum(['lost', 'stopped']).describe('stopped is a farewell in good order; lost is the last will.'),
  })
  .meta({ id: 'Will', examples: [{ v: 1, state: 'offline', connectionId: 'c-5d1e', reason: 'lost' }] });
export type Will = z.infer<typeof willSchema>;

export const presenceSchema = z.discriminatedUnion('state', [birthSchema, willSchema]).meta({ id: 'Presence' });
export type Presence = z.infer<typeof presenceSchema>;

/**
 * The answer to a birth, on the reply topic with the connection id as request id. A device that finds its own highest
 * sequence below `highestSequence` was restored from an older copy and starts a new epoch.
 */
export const birthReplySchema = z
  .object({ v: z.literal(1), epoch: epochSchema, highestSequence: z.int().min(0), serverTime: instantSchema })
  .meta({
    id: 'BirthReply',
    examples: [{ v: 1, epoch: '9f86d081884c7d659a2f', highestSequence: 412, serverTime: 1760000000456 }],
  });
export type BirthReply = z.infer<typeof birthReplySchema>;
