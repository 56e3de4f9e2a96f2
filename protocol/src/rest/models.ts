/** The registry of models over HTTP: released versions, aliases that point to them, and which devices run what. */
import { z } from 'zod';
import { deviceIdSchema, instantSchema } from '../identifiers.ts';
import { jsonObjectSchema, jsonSchema } from '../twin.ts';
import { pageOf } from './page.ts';

export const modelNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/)
  .describe('1-63 characters of a-z, 0-9 and "-".');
export const modelVersionNameSchema = z
  .string()
  .regex(/^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})([-+][0-9A-Za-z.+-]{1,32})?$/)
  .describe('Semantic version.');
export const sha256HexSchema = z.string().regex(/^[0-9a-f]{64}$/);
/** champion is what devices are to run, challenger what may take its place. */
export const MODEL_ALIASES = ['champion', 'challenger'] as const;
export const modelAliasNameSchema = z.enum(MODEL_ALIASES);
export type ModelAliasName = z.infer<typeof modelAliasNameSchema>;

export const modelAliasSchema = z
  .object({
    name: modelNameSchema,
    alias: modelAliasNameSchema,
    version: modelVersionNameSchema,
    revision: z.int().min(1).describe('Also the ETag.'),
    updatedAt: instantSchema,
  })
  .meta({ id: 'ModelAlias' });
export type ModelAlias = z.infer<typeof modelAliasSchema>;

export const modelAliasPutSchema = z.strictObject({ version: modelVersionNameSchema }).meta({ id: 'ModelAliasPut' });

export const modelSchema = z
  .object({
    name: modelNameSchema,
    newest: modelVersionNameSchema.describe('Of the highest release counter.'),
    versions: z.int().min(1),
    aliases: z.array(z.object({ alias: modelAliasNameSchema, version: modelVersionNameSchema })),
    devices: z.int().min(0).describe('That report to run some version of it.'),
    updatedAt: instantSchema,
  })
  .meta({ id: 'Model' });
export type Model = z.infer<typeof modelSchema>;
export const modelPageSchema = pageOf(modelSchema).meta({ id: 'ModelPage' });

export const modelReleaseSchema = z
  .object({
    name: modelNameSchema,
    version: modelVersionNameSchema,
    releaseCounter: z.int().min(1),
    digest: sha256HexSchema.describe('sha256 of the manifest: what a device reports to run.'),
    sha256: sha256HexSchema.describe('Of the packed bundle; fetch it from /blobs/sha256/{sha256}.'),
    lengthBytes: z.int().min(1),
    target: z.string().describe('Path in the targets of the TUF repository.'),
    platform: z.string(),
    signedBy: z.string().nullable().describe('Key id of the signature inside of the bundle.'),
    source: z.enum(['catalogue', 'upload']),
    createdAt: instantSchema,
    createdBy: z.string(),
    aliases: z.array(modelAliasNameSchema),
    devices: z.int().min(0).describe('That report to run exactly this, by digest.'),
  })
  .meta({ id: 'ModelRelease' });
export type ModelRelease = z.infer<typeof modelReleaseSchema>;
export const modelReleasePageSchema = pageOf(modelReleaseSchema).meta({ id: 'ModelReleasePage' });

/** Median over the devices of a hardware class of what each measured when it tried the version out. */
export const modelMeasurementSchema = z
  .object({
    hardwareClass: z.string(),
    engine: z.string(),
    devices: z.int().min(1),
    p50Ms: z.number(),
    p95Ms: z.number(),
    rssMb: z.number(),
  })
  .meta({ id: 'ModelMeasurement' });
export type ModelMeasurement = z.infer<typeof modelMeasurementSchema>;

export const modelReleaseDocumentSchema = modelReleaseSchema
  .extend({
    manifest: jsonObjectSchema,
    card: z.string().nullable().describe('The README of the bundle: data, metrics, limits, licence.'),
    measured: z.array(modelMeasurementSchema),
  })
  .meta({ id: 'ModelReleaseDocument' });
export type ModelReleaseDocument = z.infer<typeof modelReleaseDocumentSchema>;

export const modelDiffQuerySchema = z.strictObject({
  from: modelVersionNameSchema,
  to: modelVersionNameSchema,
});

export const modelDiffSchema = z
  .object({
    name: modelNameSchema,
    from: modelVersionNameSchema,
    to: modelVersionNameSchema,
    manifest: z
      .array(z.object({ path: z.string(), before: jsonSchema, after: jsonSchema }))
      .describe('Values that differ, by path; null where there is none.'),
    files: z.array(
      z.object({
        path: z.string(),
        change: z.enum(['added', 'removed', 'changed', 'same']),
        beforeBytes: z.int().min(0).nullable(),
        afterBytes: z.int().min(0).nullable(),
      }),
    ),
  })
  .meta({ id: 'ModelDiff' });
export type ModelDiff = z.infer<typeof modelDiffSchema>;

/** A device that reports to run a model. */
export const modelDeploymentSchema = z
  .object({
    deviceId: deviceIdSchema,
    version: z.string().describe('As the device calls it.'),
    digest: sha256HexSchema.nullable(),
    release: modelVersionNameSchema
      .nullable()
      .describe('The release of this digest; null when none here has it, or the device reports none.'),
    hardwareClass: z.string().nullable(),
    state: z.string(),
  })
  .meta({ id: 'ModelDeployment' });
export type ModelDeployment = z.infer<typeof modelDeploymentSchema>;
export const modelDeploymentPageSchema = pageOf(modelDeploymentSchema).meta({ id: 'ModelDeploymentPage' });
