/** The audit trail: who changed what, when, from where, before and after. */
import { z } from 'zod';
import { instantSchema } from '../identifiers.ts';
import { jsonSchema } from '../twin.ts';
import { pageOf, pageQuerySchema } from './page.ts';

export const principalSchema = z
  .object({ kind: z.enum(['device', 'person', 'system']), id: z.string(), roles: z.array(z.string()) })
  .meta({ id: 'Principal' });
export type Principal = z.infer<typeof principalSchema>;

export const auditEntrySchema = z
  .object({
    id: z.int(),
    at: instantSchema,
    principal: z.string(),
    from: z.string().nullable(),
    action: z.string().describe('Verb on a noun, for example device.labels.changed.'),
    subject: z.string(),
    before: jsonSchema.nullable(),
    after: jsonSchema.nullable(),
    hash: z
      .string()
      .describe("sha256 over the previous entry's hash and this entry: a removed or altered row breaks the chain."),
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntry = z.infer<typeof auditEntrySchema>;
export const auditQuerySchema = pageQuerySchema.extend({
  subject: z.string().max(128).optional(),
  action: z.string().max(64).optional(),
});
export const auditPageSchema = pageOf(auditEntrySchema).meta({ id: 'AuditPage' });
