/**
 * The Direct Device Integration API as hawkBit defines it, the part that SWUpdate and rauc-hawkbit-updater speak. Clients of
 * others may send more than is named here; it is left out.
 */
import { z } from 'zod';

const href = z.object({ href: z.string() });

export const ddiPollSchema = z
  .object({
    config: z.object({ polling: z.object({ sleep: z.string().describe('HH:MM:SS') }) }),
    _links: z.object({
      configData: href.optional(),
      deploymentBase: href.optional(),
      cancelAction: href.optional(),
      installedBase: href.optional(),
    }),
  })
  .meta({ id: 'DdiPoll' });
export type DdiPoll = z.infer<typeof ddiPollSchema>;

const hashesSchema = z.object({ sha1: z.string(), md5: z.string(), sha256: z.string() });

export const ddiArtifactSchema = z
  .object({
    filename: z.string(),
    hashes: hashesSchema,
    size: z.int(),
    _links: z.object({ download: href, md5sum: href, 'download-http': href, 'md5sum-http': href }),
  })
  .meta({ id: 'DdiArtifact' });
export type DdiArtifact = z.infer<typeof ddiArtifactSchema>;

export const ddiDeploymentSchema = z
  .object({
    id: z.string(),
    deployment: z.object({
      download: z.enum(['skip', 'attempt', 'forced']),
      update: z.enum(['skip', 'attempt', 'forced']),
      chunks: z.array(
        z.object({
          part: z.string(),
          version: z.string(),
          name: z.string(),
          artifacts: z.array(ddiArtifactSchema),
        }),
      ),
    }),
    actionHistory: z.object({ status: z.string(), messages: z.array(z.string()) }).optional(),
  })
  .meta({ id: 'DdiDeployment' });
export type DdiDeployment = z.infer<typeof ddiDeploymentSchema>;

export const ddiHistoryQuerySchema = z.object({
  actionHistory: z.coerce
    .number()
    .int()
    .min(-1)
    .default(0)
    .describe('How many of the latest messages are told with it; -1 for all.'),
});

export const ddiCancelSchema = z
  .object({ id: z.string(), cancelAction: z.object({ stopId: z.string() }) })
  .meta({ id: 'DdiCancel' });
export type DdiCancel = z.infer<typeof ddiCancelSchema>;

export const ddiFeedbackSchema = z
  .object({
    status: z.object({
      execution: z.enum([
        'closed',
        'proceeding',
        'canceled',
        'scheduled',
        'rejected',
        'resumed',
        'download',
        'downloaded',
      ]),
      result: z.object({
        finished: z.enum(['success', 'failure', 'none']),
        progress: z.object({ cnt: z.int().min(0).nullish(), of: z.int().min(0).nullish() }).nullish(),
      }),
      code: z.int().nullish(),
      details: z.array(z.string()).nullish(),
    }),
  })
  .meta({ id: 'DdiFeedback' });
export type DdiFeedback = z.infer<typeof ddiFeedbackSchema>;

export const ddiConfigDataSchema = z
  .object({
    mode: z.enum(['merge', 'replace', 'remove']).nullish().describe('merge when absent.'),
    data: z.record(z.string().min(1).max(128), z.string().max(2_048)),
  })
  .meta({ id: 'DdiConfigData' });
export type DdiConfigData = z.infer<typeof ddiConfigDataSchema>;
