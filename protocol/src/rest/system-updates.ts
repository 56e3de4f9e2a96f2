/** System updates of devices over HTTP, as operators see them: images, targets that poll, and actions that bring one to the other. */
import { z } from 'zod';
import { instantSchema } from '../identifiers.ts';
import { sha256HexSchema } from './models.ts';
import { pageOf, pageQuerySchema } from './page.ts';

const IMAGE_NAME = '[a-z0-9][a-z0-9-]{0,62}';
const IMAGE_VERSION = '[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}';

export const systemImageNameSchema = z
  .string()
  .regex(new RegExp(`^${IMAGE_NAME}$`), 'a name is 1-63 characters of a-z, 0-9 and "-"');
export const systemImageVersionSchema = z
  .string()
  .regex(new RegExp(`^${IMAGE_VERSION}$`), 'a version is 1-64 characters of A-Z, a-z, 0-9 and ".+_-"');
export const systemImageIdSchema = z
  .string()
  .regex(new RegExp(`^${IMAGE_NAME}@${IMAGE_VERSION}$`), 'an image is name@version')
  .meta({ id: 'SystemImageId', examples: ['gateway-os@2026.11'] });

/** Clients choose it themselves; SWUpdate calls it the id, hawkBit the controller id. */
export const systemTargetIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'a target id is 1-128 characters of A-Z, a-z, 0-9 and "._-"')
  .meta({ id: 'SystemTargetId', examples: ['gateway-07'] });

/** SWUpdate keeps it in 32 bits. */
export const systemActionIdSchema = z.coerce.number().int().min(1).max(2_147_483_647);

export const systemImageFileNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'a file name is 1-128 characters of A-Z, a-z, 0-9 and "._-"');

export const systemImageSchema = z
  .object({
    image: systemImageIdSchema,
    name: systemImageNameSchema,
    version: systemImageVersionSchema,
    fileName: systemImageFileNameSchema.describe('What clients see; SWUpdate installs files that end in .swu.'),
    lengthBytes: z.int().min(1),
    sha256: sha256HexSchema,
    createdAt: instantSchema,
    createdBy: z.string(),
  })
  .meta({ id: 'SystemImage' });
export type SystemImage = z.infer<typeof systemImageSchema>;
export const systemImagePageSchema = pageOf(systemImageSchema).meta({ id: 'SystemImagePage' });

export const systemImageUploadQuerySchema = z.strictObject({
  name: systemImageNameSchema,
  version: systemImageVersionSchema,
  fileName: systemImageFileNameSchema.optional().describe('By default name-version.swu.'),
});

export const systemImageQuerySchema = pageQuerySchema.extend({ name: systemImageNameSchema.optional() });
export type SystemImageQuery = z.infer<typeof systemImageQuerySchema>;

export const SYSTEM_ACTION_STATES = [
  'pending',
  'offered',
  'downloading',
  'downloaded',
  'proceeding',
  'rejected',
  'canceling',
  'timed-out',
  'finished',
  'failed',
  'canceled',
] as const;
export const systemActionStateSchema = z
  .enum(SYSTEM_ACTION_STATES)
  .describe(
    'pending: the target has not fetched it. timed-out: begun, and nothing was heard for ddi.actionTimeoutMs; a late report still counts. finished, failed and canceled are final.',
  );
export type SystemActionState = z.infer<typeof systemActionStateSchema>;

export const systemActionSchema = z
  .object({
    actionId: systemActionIdSchema,
    targetId: systemTargetIdSchema,
    image: systemImageIdSchema,
    state: systemActionStateSchema,
    progress: z.object({ done: z.int(), of: z.int() }).nullable().describe('As the target counts it.'),
    createdAt: instantSchema,
    createdBy: z.string(),
    heardAt: instantSchema.nullable().describe('When the target last fetched or reported something of it.'),
    finishedAt: instantSchema.nullable(),
  })
  .meta({ id: 'SystemAction' });
export type SystemAction = z.infer<typeof systemActionSchema>;
export const systemActionPageSchema = pageOf(systemActionSchema).meta({ id: 'SystemActionPage' });

export const systemActionEventSchema = z
  .object({
    at: instantSchema,
    what: z.string().describe('assigned, offered, download, cancel, or the execution and result that the target sent.'),
    messages: z.array(z.string()),
  })
  .meta({ id: 'SystemActionEvent' });
export type SystemActionEvent = z.infer<typeof systemActionEventSchema>;

export const systemActionDetailSchema = systemActionSchema
  .extend({ history: z.array(systemActionEventSchema).describe('The latest, oldest first.') })
  .meta({ id: 'SystemActionDetail' });
export type SystemActionDetail = z.infer<typeof systemActionDetailSchema>;

export const systemActionQuerySchema = pageQuerySchema.extend({
  targetId: systemTargetIdSchema.optional(),
  image: systemImageIdSchema.optional(),
  state: systemActionStateSchema.optional(),
});
export type SystemActionQuery = z.infer<typeof systemActionQuerySchema>;

export const systemAssignmentSchema = z
  .strictObject({ targetId: systemTargetIdSchema, image: systemImageIdSchema })
  .meta({ id: 'SystemAssignment', examples: [{ targetId: 'gateway-07', image: 'gateway-os@2026.11' }] });
export type SystemAssignment = z.infer<typeof systemAssignmentSchema>;

export const systemCancelSchema = z
  .strictObject({
    force: z.boolean().default(false).describe('Without asking the target, which may install it all the same.'),
    note: z.string().max(500).default(''),
  })
  .meta({ id: 'SystemCancel', examples: [{ note: 'wrong board' }] });
export type SystemCancel = z.infer<typeof systemCancelSchema>;

export const systemTargetSchema = z
  .object({
    targetId: systemTargetIdSchema,
    registeredAt: instantSchema,
    lastPolledAt: instantSchema.nullable(),
    address: z.string().nullable().describe('Of the last poll.'),
    installed: systemImageIdSchema.nullable().describe('What the target last reported to have installed from here.'),
    action: systemActionSchema.nullable().describe('The newest.'),
    attributes: z.record(z.string(), z.string()).describe('What the target says of itself.'),
    hasToken: z.boolean().describe('Whether it has a token of its own.'),
  })
  .meta({ id: 'SystemTarget' });
export type SystemTarget = z.infer<typeof systemTargetSchema>;
export const systemTargetPageSchema = pageOf(systemTargetSchema).meta({ id: 'SystemTargetPage' });

export const systemTargetQuerySchema = pageQuerySchema.extend({
  state: systemActionStateSchema.optional().describe('Of the newest action.'),
  installed: systemImageIdSchema.optional(),
});
export type SystemTargetQuery = z.infer<typeof systemTargetQuerySchema>;

const tokenSchema = z.string().regex(/^[\x21-\x7e]{16,128}$/, 'a token is 16-128 visible ASCII characters');

/** Whoever sends a token has made it; here only its hash is kept, and it is never shown. */
export const systemTargetTokenSchema = z.strictObject({ token: tokenSchema }).meta({ id: 'SystemTargetToken' });

export const systemTargetRegistrationSchema = z
  .strictObject({ targetId: systemTargetIdSchema, token: tokenSchema })
  .meta({ id: 'SystemTargetRegistration' });
